"""Promise: a stop leaves nothing behind and always ends, by the command line, whatever a program tries."""

import signal
from pathlib import Path

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.programs import FOLDER, animal, config, events, program, row, rows
from tests.support.wait import eventually
from viscript.keeper.host import home_number
from viscript.keeper.linux import Linux

ANIMALS = sorted(path.stem for path in (FOLDER / "zoo").glob("*.py"))
STOP = {"grace": "500ms"}


def tagged(home: ScratchHome) -> list[int]:
    """All that carries the tag of this home, whoever their parent, session, user and environment are now."""
    host = Linux(home_number(str(home.root)))
    return [process.pid for process in host.scan() if process.tag is not None and process.state not in "ZX"]


@pytest.fixture(params=[{}, {"limits": {"threads": 10_000}}], ids=["plain", "cgroup"])
def whole_zoo(scratch_home: ScratchHome, request: pytest.FixtureRequest) -> ScratchHome:
    """A home in which every animal is out; with limits, each in a cgroup where the machine gives one."""
    apps = {name: animal(name, stop=STOP, autostart=True, **request.param) for name in ANIMALS}
    scratch_home.start_daemon(config(apps))
    eventually(lambda: all(one["state"] == "running" for one in rows(scratch_home).values()))
    return scratch_home


def test_the_zoo_has_eight_animals() -> None:
    assert len(ANIMALS) >= 8


@pytest.mark.parametrize("name", ANIMALS)
def test_a_stop_leaves_nothing_of(scratch_home: ScratchHome, name: str) -> None:
    scratch_home.start_daemon(config({name: animal(name, stop=STOP)}))
    scratch_home.viscript("s", name).ok()
    assert tagged(scratch_home)
    (ended,) = scratch_home.viscript("sd", name, "-o", "json").ok().json()
    assert ended["rung"] in ("term", "kill")
    assert ended["seconds"] < 10
    assert tagged(scratch_home) == []
    assert row(scratch_home)["state"] == "stopped"
    scratch_home.viscript("sd", "1").ok()  # once more is no error


def test_all_at_once_are_gone_within_one_grace(whole_zoo: ScratchHome) -> None:
    assert len(tagged(whole_zoo)) > len(ANIMALS)
    ended = whole_zoo.viscript("sd", "all", "-o", "json").ok().json()
    assert sorted(one["id"] for one in ended) == list(range(1, len(ANIMALS) + 1))
    assert tagged(whole_zoo) == []


def test_now_asks_nobody(whole_zoo: ScratchHome) -> None:
    ended = whole_zoo.viscript("sd", "all", "--now", "-o", "json").ok().json()
    assert {one["rung"] for one in ended} == {"kill"}, ended
    assert tagged(whole_zoo) == []


def test_the_next_daemon_and_keeper_stop_them_all_as_well(whole_zoo: ScratchHome) -> None:
    old = whole_zoo.kill_keeper(), whole_zoo.kill_daemon()
    eventually(lambda: whole_zoo.viscript("la").code == 0)
    assert not {whole_zoo.keeper_pid(), whole_zoo.daemon_pid()} & set(old)
    assert len(tagged(whole_zoo)) > len(ANIMALS)
    whole_zoo.viscript("sd", "all").ok()
    assert tagged(whole_zoo) == []


def test_the_end_of_the_daemon_with_stop_all_leaves_nothing(whole_zoo: ScratchHome) -> None:
    whole_zoo.viscript("daemon", "stop", "--stop-all").ok()
    assert tagged(whole_zoo) == []


def test_what_a_killed_leader_leaves_is_gone_before_it_starts_again(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"df": animal("double_fork", restart={"delay": "10ms"}, stop=STOP)}))
    scratch_home.viscript("s", "df").ok()
    before = set(tagged(scratch_home))
    psutil.Process(row(scratch_home)["pid"]).send_signal(signal.SIGKILL)
    eventually(lambda: row(scratch_home)["state"] == "running" and row(scratch_home)["generation"] == 2)
    assert not before & set(tagged(scratch_home))
    scratch_home.viscript("sd", "1").ok()
    assert tagged(scratch_home) == []


def test_a_restart_leaves_nothing_of_the_run_before(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"df": animal("double_fork", stop=STOP)}))
    scratch_home.viscript("s", "df").ok()
    before = set(tagged(scratch_home))
    scratch_home.viscript("restart", "1").ok()
    after = set(tagged(scratch_home))
    assert len(after) == len(before)
    assert not before & after


def test_a_program_that_ends_well_at_the_signal_is_not_killed(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"w": program("lines", 0, 0.01)}))
    scratch_home.viscript("s", "w").ok()
    (ended,) = scratch_home.viscript("sd", "w", "-o", "json").ok().json()
    assert (ended["rung"], ended["exit"]) == ("term", {"code": None, "signal": 15})
    assert events(scratch_home, "app.stopped")[-1]["object"] == "app/1"


def test_a_stop_in_the_middle_of_a_start_ends_it(scratch_home: ScratchHome, short_tmp: Path) -> None:
    never = {"command": ["sleep", "1000"], "ready": {"exec": ["test", "-e", str(short_tmp / "never")]}}
    scratch_home.start_daemon(config({"never": never}))
    scratch_home.viscript("s", "never", "--no-wait").ok()
    scratch_home.viscript("sd", "1").ok()
    assert row(scratch_home)["state"] == "stopped"
    assert tagged(scratch_home) == []
