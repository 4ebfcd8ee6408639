"""Promise: output never stalls an app, memory stays bounded, no line is lost or doubled over rotations."""

import re
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.logged import assert_complete, logged
from tests.support.programs import config, program, row, rows
from tests.support.wait import eventually

LINES = 100_000  # of nine bytes
ROTATED = {"max_bytes": "180KiB", "backups": 10}
MIB = 1024 * 1024


def done(home: ScratchHome, seq: int = 1, within_s: float = 60) -> None:
    eventually(lambda: row(home, seq)["state"] == "done", deadline_s=within_s, interval_s=0.1)


def memory(home: ScratchHome) -> int:
    return sum(psutil.Process(pid).memory_info().rss for pid in (home.daemon_pid(), home.keeper_pid()))


def flood(home: ScratchHome, mib: int, within_s: float) -> None:
    """An app writes so much with nobody attached; daemon and keeper must not grow with it."""
    home.start_daemon(config({"flood": program("flood", mib, output={"max_bytes": "4MiB", "backups": 2})}))
    before = memory(home)
    home.viscript("s", "flood", "--no-wait").ok()
    most = before

    def over() -> bool:
        nonlocal most
        most = max(most, memory(home))
        return bool(row(home)["state"] == "done")

    eventually(over, deadline_s=within_s, interval_s=0.1)
    assert most - before < 16 * MIB
    assert sum(path.stat().st_size for path in (home.root / "logs" / "1-flood").glob("*.log")) < 13 * MIB
    assert re.fullmatch(r"done in [\d.]+ s\n", home.viscript("log", "1", "-n", "1").ok().out)


def test_a_flood_with_nobody_attached_stalls_nothing(scratch_home: ScratchHome) -> None:
    flood(scratch_home, 256, within_s=60)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_gibibyte_with_nobody_attached_stalls_nothing(scratch_home: ScratchHome) -> None:
    flood(scratch_home, 1024, within_s=240)


def test_a_hundred_thousand_lines_are_complete_over_five_rotations(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"lines": program("lines", LINES, output=ROTATED)}))
    scratch_home.viscript("s", "lines", "--no-wait").ok()
    done(scratch_home)
    folder = scratch_home.root / "logs" / "1-lines"
    assert len(list(folder.glob("*[0-9].log"))) >= 5
    assert assert_complete(logged(folder)) == LINES
    read = scratch_home.viscript("logs", "1", "-n", str(2 * LINES)).ok().out
    assert assert_complete(read.encode()) == LINES


def test_a_follower_sees_every_line_once_over_rotations(scratch_home: ScratchHome) -> None:
    """From before the first line, through all rotations, until the app is done; then interrupted."""
    spec = program("lines", LINES, output={**ROTATED, "max_bytes": "90KiB"})
    scratch_home.start_daemon(config({"lines": spec}))
    argv = scratch_home.command("logs", "1", "-f", "-n", str(2 * LINES))
    scratch_home.viscript("s", "lines", "--no-wait").ok()
    quiet = subprocess.DEVNULL
    follower = subprocess.Popen(argv, env=scratch_home.environ, stdout=subprocess.PIPE, stdin=quiet)
    assert follower.stdout is not None
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.extend(follower.stdout or ()))
    reader.start()
    eventually(lambda: len(seen) >= LINES, deadline_s=60)
    follower.terminate()
    follower.wait(10)
    reader.join(10)
    follower.stdout.close()
    assert assert_complete(b"".join(seen)) == LINES


def test_several_apps_are_told_apart(scratch_home: ScratchHome) -> None:
    apps = {name: program("lines", 200) for name in ("one", "two")}
    scratch_home.start_daemon(config(apps))
    for seq, name in enumerate(apps, start=1):
        scratch_home.viscript("s", name).ok()
        done(scratch_home, seq)
    both = scratch_home.viscript("logs", "1", "2", "-n", "1000").ok().out.splitlines()
    for name in apps:
        own = [line for line in both if name in line.split("0", 1)[0]]
        assert [int(line.split()[-1]) for line in own] == list(range(200))
    assert scratch_home.viscript("logs", "1", "--grep", "00000199").ok().out == "00000199\n"
    assert scratch_home.viscript("logs", "1", "--since", "1h", "-n", "3").ok().out.split() == [
        "00000197",
        "00000198",
        "00000199",
    ]


def test_a_log_survives_restarts_of_the_daemon(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"lines": program("lines", 0, 0.001, output=ROTATED)}))
    scratch_home.viscript("s", "lines").ok()
    folder = scratch_home.root / "logs" / "1-lines"
    for _ in range(3):
        have = len(logged(folder))
        scratch_home.kill_daemon()
        eventually(lambda have=have: len(logged(folder)) > have + 900)  # type: ignore[misc]  # a lambda's default
        eventually(lambda: scratch_home.viscript("la").code == 0)
    scratch_home.viscript("sd", "1").ok()
    read = scratch_home.viscript("logs", "1", "-n", str(LINES)).ok().out
    assert assert_complete(read.encode()) == assert_complete(logged(folder))


def test_output_of_many_apps_at_once_is_all_there(scratch_home: ScratchHome) -> None:
    apps = {f"a{n:02}": program("lines", 2000, autostart=True) for n in range(20)}
    scratch_home.start_daemon(config(apps))
    eventually(lambda: all(one["state"] == "done" for one in rows(scratch_home).values()), deadline_s=30)
    folders: list[Path] = sorted((scratch_home.root / "logs").iterdir())
    assert [assert_complete(logged(folder)) for folder in folders] == [2000] * 20
