"""Groups of cgroup v2: where they are, and that nothing breaks where they are not or are taken away."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.groups import groups_of, remove_groups
from tests.support.keeper import TestKeeper, gone
from viscript.keeper import groups
from viscript.keeper.ceilings import Ceilings
from viscript.keeper.groups import LEAF, Groups, Place, mount_in, own_in, owner_in, place

MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:7 - cgroup2 cgroup2 rw
"""
SLEEP = "import time; time.sleep(1000)"


def test_the_second_hierarchy_is_found_among_the_mounts() -> None:
    assert mount_in(MOUNTS) == ("/", "/sys/fs/cgroup/unified")
    assert mount_in("1 2 0:1 /a\\040b /c\\011d rw - cgroup2 x rw\n") == ("/a b", "/c\td")
    assert mount_in(MOUNTS.replace("cgroup2", "cgroup")) is None


def test_a_run_does_not_begin_in_what_the_one_before_has_frozen(tmp_path: Path) -> None:
    base = tmp_path / "viscript-00001"
    (base / "7").mkdir(parents=True)
    (base / "7" / "cgroup.procs").touch()
    (base / "7" / "cgroup.freeze").write_text("1")
    assert Groups(Place(str(tmp_path), str(base))).put(7, os.getpid()) == str(base / "7")
    assert (base / "7" / "cgroup.freeze").read_text() == "0"


def test_our_own_group_is_the_line_without_a_controller() -> None:
    assert own_in("9:name=systemd:/x\n0::/a/b\n") == "/a/b"
    assert own_in("9:name=systemd:/x\n") is None


@given(st.text(max_size=200))
def test_foreign_text_names_nothing(text: str) -> None:
    mount_in(text.replace("cgroup2", ""))
    owner_in(text, "viscript-00001")
    assert place(text.replace("cgroup2", ""), text, 1) is None


@pytest.mark.parametrize(
    "own, folder",
    [
        ("/", "/sys/fs/cgroup/unified"),
        ("/system.slice/k.service", "/sys/fs/cgroup/unified/system.slice/k.service"),
        (f"/k.service/{LEAF}", "/sys/fs/cgroup/unified/k.service"),
        ("/k.service/viscript-0002a/7", "/sys/fs/cgroup/unified/k.service"),  # started by our own app
    ],
)
def test_groups_go_below_our_own(own: str, folder: str) -> None:
    assert place(MOUNTS, f"0::{own}\n", 42) == Place(folder, f"{folder}/viscript-0002a")


def test_a_mount_of_a_part_shows_what_is_below_it() -> None:
    part = MOUNTS.replace("0:38 / /sys", "0:38 /box /sys")
    assert place(part, "0::/box/a\n", 1) == Place(
        "/sys/fs/cgroup/unified/a", "/sys/fs/cgroup/unified/a/viscript-00001"
    )
    assert place(part, "0::/elsewhere\n", 1) is None


def test_the_group_of_a_process_names_its_app() -> None:
    assert owner_in("0::/k/viscript-00001/7\n", "viscript-00001") == 7
    assert owner_in("0::/k/viscript-00001/7/inner\n", "viscript-00001") == 7
    assert owner_in("0::/k/viscript-00002/7\n", "viscript-00001") is None
    assert owner_in("0::/k/viscript-00001\n", "viscript-00001") is None


# A folder that only looks like a hierarchy: what the kernel would refuse is refused here as well.


@pytest.fixture
def fake(tmp_path: Path) -> Groups:
    made = Groups(Place(str(tmp_path), str(tmp_path / "viscript-00001")))
    (tmp_path / "cgroup.procs").touch()
    return made


def test_a_group_that_takes_no_process_is_none_and_says_why(fake: Groups) -> None:
    assert fake.put(7, os.getpid()) is None
    assert "No such file" in fake.fault


def test_without_a_place_there_are_no_groups() -> None:
    none = Groups(None)
    assert none.put(7, os.getpid()) is None
    assert (none.pids(None), none.known(), none.base, none.owner(os.getpid())) == ([], {}, "", None)
    assert none.remove(None)
    none.kill(None)
    none.thaw(None)
    none.close()


def group(fake: Groups, *files: str) -> Path:
    folder = Path(fake.base, "7")
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_text("")
    return folder


def test_a_process_is_written_into_its_group(fake: Groups) -> None:
    folder = group(fake, "cgroup.procs")
    assert fake.put(7, 4711) == str(folder)
    assert fake.pids(str(folder)) == [4711]
    assert fake.known() == {7: str(folder)}


def test_processes_of_another_namespace_are_not_counted(fake: Groups) -> None:
    folder = group(fake, "cgroup.procs")
    (folder / "cgroup.procs").write_text("0\n12\n")
    assert fake.pids(str(folder)) == [12]


def test_what_kills_at_once_is_used_where_it_is(fake: Groups) -> None:
    folder = group(fake, "cgroup.kill", "cgroup.freeze")
    fake.kill(str(folder))
    fake.thaw(str(folder))
    assert (folder / "cgroup.kill").read_text() == "1"
    assert (folder / "cgroup.freeze").read_text() == ""


def test_an_older_kernel_freezes_for_the_kill_and_thaws_after_it(fake: Groups) -> None:
    folder = group(fake, "cgroup.freeze")
    fake.kill(str(folder))
    assert (folder / "cgroup.freeze").read_text() == "1"
    fake.thaw(str(folder))
    assert (folder / "cgroup.freeze").read_text() == "0"


def test_ceilings_go_into_the_files_that_are_there(fake: Groups) -> None:
    folder = group(fake, "memory.max")
    fake.hold(str(folder), Ceilings(memory=400))
    assert (folder / "memory.max").read_text() == "500"
    assert not (folder / "cpu.max").exists()


def test_controllers_are_passed_on_where_the_group_was_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "is_delegated", lambda folder: True)
    base = tmp_path / "viscript-00001"
    for folder in (tmp_path, base, tmp_path / LEAF, base / "7"):
        folder.mkdir(exist_ok=True)
        for name in ("cgroup.procs", "cgroup.subtree_control"):
            (folder / name).touch()
        (folder / "cgroup.controllers").write_text("cpu io memory pids\n")
    made = Groups(Place(str(tmp_path), str(base)))
    assert made.for_all
    assert made.put(7, 4711)
    assert (tmp_path / LEAF / "cgroup.procs").read_text() == str(os.getpid())
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert (base / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_a_mark_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert not groups.is_delegated(str(tmp_path / "missing"))


def test_where_a_group_cannot_be_written_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "_text", lambda path: MOUNTS if path.endswith("info") else "0::/no/such\n")
    assert groups.find(1).base == ""
    (tmp_path / "cgroup.procs").touch()
    earlier = tmp_path / "viscript-00001"
    earlier.mkdir()
    assert groups.find(1, str(earlier)).base == str(earlier)


def test_a_group_that_is_not_empty_stays(fake: Groups) -> None:
    folder = group(fake, "cgroup.procs")
    assert not fake.remove(str(folder))
    (folder / "cgroup.procs").unlink()
    assert fake.remove(str(folder))
    assert fake.remove(str(folder))
    fake.close()
    assert not Path(fake.base).exists()


# The real hierarchy, where this machine lets us write there; elsewhere the same runs without.


@pytest.fixture
def grouped(short_tmp: Path) -> Iterator[TestKeeper]:
    with TestKeeper(short_tmp) as keeper:
        keeper.start()
        yield keeper


def test_a_run_gets_its_group_and_gives_it_back(grouped: TestKeeper) -> None:
    pid = grouped.launch(7, SLEEP, cgroup=True)
    found = groups_of(grouped.folder)
    assert found.pids(found.known().get(7)) == ([pid] if found.base else [])
    grouped.stop(7)
    assert found.known() == {}


def test_what_a_process_made_before_it_was_put_there_follows(tmp_path: Path) -> None:
    found = groups_of(tmp_path)
    parent = subprocess.Popen(["sh", "-c", "sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    folder = found.put(7, parent.pid)
    assert set(found.pids(folder)) == ({parent.pid, child} if found.base else set())
    os.kill(child, signal.SIGKILL)
    parent.wait(timeout=10)
    parent.stdout.close()
    assert found.remove(folder)
    remove_groups(tmp_path)


def test_an_app_that_asks_for_none_gets_none(grouped: TestKeeper) -> None:
    grouped.launch(7, SLEEP)
    assert groups_of(grouped.folder).known() == {}


def test_a_group_that_is_taken_away_harms_nobody(grouped: TestKeeper) -> None:
    """Its processes are moved out and it is removed behind our back: tag and session find them."""
    pid = grouped.launch(7, SLEEP, cgroup=True, policy={"delay": 0.01, "settle": 0})
    found = groups_of(grouped.folder)
    if found.base:
        Path(found.base).parent.joinpath("cgroup.procs").write_text(str(pid))
        assert found.remove(found.known()[7])
    os.kill(pid, signal.SIGKILL)
    assert grouped.client.event("spawned", seq=7, gen=2)
    assert grouped.stop(7)["rung"] == "term"
    gone(grouped.record(7)["pid"] or pid)


def test_what_was_left_when_the_journal_was_lost_is_found_by_its_group(grouped: TestKeeper) -> None:
    pid = grouped.launch(7, SLEEP, cgroup=True)
    grouped.kill()
    Path(grouped.places.journal).unlink()
    grouped.start()
    found = groups_of(grouped.folder)
    assert found.pids(found.known().get(7)) == ([pid] if found.base else [])
    os.kill(pid, signal.SIGKILL)
    gone(pid)
    grouped.kill()
    grouped.start()
    assert groups_of(grouped.folder).known() == {}


def test_a_kill_reaches_groups_that_an_app_made_inside(tmp_path: Path) -> None:
    found = groups_of(tmp_path)
    child = subprocess.Popen(["sleep", "1000"])
    folder = found.put(7, child.pid)
    if folder is not None:
        inner = Path(folder, "inner")
        inner.mkdir()
        (inner / "cgroup.procs").write_text(str(child.pid))
        assert found.pids(folder) == [child.pid]
        assert found.owner(child.pid) == 7
        found.kill(folder)
    else:
        child.kill()
    assert child.wait(timeout=10) == -signal.SIGKILL
    assert found.remove(folder)
    remove_groups(tmp_path)
