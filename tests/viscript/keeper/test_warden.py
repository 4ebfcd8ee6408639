"""The parent of a fenced app, run as the file it is."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.keeper import gone, is_running
from tests.support.wait import eventually
from viscript.keeper import exechelper, warden
from viscript.keeper.fence import boottime, create, keep, mark_asked

FILE = Path(warden.__file__)
ALONE = [sys.executable, "-I", "-S"]
HELPER = [*ALONE, exechelper.__file__, "--tied", "yes", "--"]
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(15, lambda *a: print("asked", flush=True))
child = subprocess.Popen([sys.executable, "-S", "-c", '''
import os, signal, time
signal.signal(15, signal.SIG_IGN); os.setsid()
if os.fork(): os._exit(0)
print(os.getpid(), flush=True)
time.sleep(1000)'''])
child.wait()
print(os.getpid(), flush=True)
while True: time.sleep(100)
"""


@pytest.fixture
def file(short_tmp: Path) -> str:
    path = str(short_tmp / "lease")
    create(path)
    keep(path, boottime())
    return path


@pytest.fixture
def begun() -> Iterator[list[subprocess.Popen[str]]]:
    """What a test began; ended with it."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def run(begun: list[subprocess.Popen[str]], file: str, *argv: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*ALONE, str(FILE), file, "--", HELPER[0], *HELPER, argv[0], *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    begun.append(process)
    return process


def python(begun: list[subprocess.Popen[str]], file: str, code: str) -> subprocess.Popen[str]:
    return run(begun, file, sys.executable, "-S", "-u", "-c", code)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_it_imports_nothing_of_ours() -> None:
    assert "viscript." not in FILE.read_text()


@pytest.mark.parametrize("code", [0, 3, 126])
def test_it_ends_with_the_status_of_the_app(begun: list[subprocess.Popen[str]], file: str, code: int) -> None:
    assert run(begun, file, "/bin/sh", "-c", f"exit {code}").wait(20) == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_it_ends_by_the_signal_that_ended_the_app(
    begun: list[subprocess.Popen[str]], file: str, number: int
) -> None:
    assert run(begun, file, "/bin/sh", "-c", f"kill -{int(number)} $$").wait(20) == -number


def test_a_program_that_is_gone_is_said(begun: list[subprocess.Popen[str]], file: str) -> None:
    process = run(begun, file, "/no/such/program")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (exechelper.FAILED, "")
    assert "cannot start /no/such/program" in err


def test_a_signal_is_passed_on_once(begun: list[subprocess.Popen[str]], file: str) -> None:
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGHUP, lambda *a: print('hup', flush=True))\n"
        "signal.signal(signal.SIGTERM, lambda *a: (print('term', flush=True), os._exit(4)))\n"
        "print('up', flush=True)\nwhile True: time.sleep(1000)"
    )
    process = python(begun, file, code)
    assert line(process) == "up"
    process.send_signal(signal.SIGHUP)
    assert line(process) == "hup"
    process.terminate()
    assert process.communicate(timeout=20)[0] == "term\n"
    assert process.returncode == 4


def test_the_app_dies_with_its_warden(begun: list[subprocess.Popen[str]], file: str) -> None:
    process = python(begun, file, "import os, time; print(os.getpid(), flush=True); time.sleep(1000)")
    app = int(line(process))
    process.kill()
    gone(app)


def test_the_app_gets_signals_as_the_system_means_them(begun: list[subprocess.Popen[str]], file: str) -> None:
    process = run(begun, file, "/bin/sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status")
    states = dict(row.split(":\t") for row in process.communicate(timeout=20)[0].splitlines())
    assert states == {"SigBlk": "0" * 16, "SigIgn": "0" * 16}


def test_the_warden_holds_none_of_the_apps_streams(begun: list[subprocess.Popen[str]], file: str) -> None:
    process = python(begun, file, "import os, time; os.close(1); os.close(2); time.sleep(1000)")
    assert line(process) == ""  # the end of the stream, though both run
    assert process.poll() is None


def test_a_lease_that_is_kept_disturbs_nobody(begun: list[subprocess.Popen[str]], file: str) -> None:
    keep(file, boottime() - 5.0)
    process = python(begun, file, "import time; print('up', flush=True); time.sleep(2)")
    assert line(process) == "up"
    keep(file, boottime())
    assert process.wait(20) == 0


def test_a_lease_that_was_not_kept_ends_the_whole_tree(begun: list[subprocess.Popen[str]], file: str) -> None:
    process = python(begun, file, STUBBORN)
    below, app = int(line(process)), int(line(process))
    keep(file, boottime() - warden.ASK_S)
    assert process.wait(20) == -signal.SIGKILL
    assert not is_running(app)
    assert not is_running(below)


def test_it_asks_first(begun: list[subprocess.Popen[str]], file: str) -> None:
    process = python(begun, file, STUBBORN)
    line(process)
    line(process)
    keep(file, late := boottime() - warden.ASK_S)
    assert line(process) == "asked"
    assert process.wait(20) == -signal.SIGKILL
    assert boottime() - late >= warden.KILL_S


def test_it_does_not_ask_when_the_keeper_has(begun: list[subprocess.Popen[str]], file: str) -> None:
    process = python(begun, file, STUBBORN)
    line(process)
    line(process)
    late = boottime() - warden.ASK_S + 0.5
    mark_asked(file, late)
    keep(file, late)
    assert process.communicate(timeout=20)[0] == ""


def test_a_file_that_is_gone_prolongs_nothing(begun: list[subprocess.Popen[str]], file: str) -> None:
    keep(file, boottime() - warden.ASK_S + 1.5)
    process = python(begun, file, "import time; print('up', flush=True); time.sleep(1000)")
    assert line(process) == "up"
    Path(file).unlink()
    assert process.wait(20) == -signal.SIGTERM


def test_a_stopped_app_is_asked_and_killed_too(begun: list[subprocess.Popen[str]], file: str) -> None:
    process = python(begun, file, "import os, time; print(os.getpid(), flush=True); time.sleep(1000)")
    app = int(line(process))
    os.kill(app, signal.SIGSTOP)
    keep(file, boottime() - warden.ASK_S)
    assert process.wait(20) == -signal.SIGTERM


def test_after_a_long_sleep_it_kills_at_once(begun: list[subprocess.Popen[str]], file: str) -> None:
    """The host slept: the clock jumped far beyond the lease."""
    process = python(begun, file, STUBBORN)
    below = int(line(process))
    line(process)
    process.send_signal(signal.SIGSTOP)
    eventually(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].startswith("T"))
    keep(file, boottime() - 4000.0)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=20)[0] == ""  # it was not asked
    assert process.returncode == -signal.SIGKILL
    gone(below)


@pytest.mark.parametrize("stat", [b"", b"1 (x) S", b"1 (x) Z 7 1", b"1 (a) b) S 7 1"])
def test_what_proc_says_of_a_process_may_be_anything(
    stat: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stat").write_bytes(stat)
    monkeypatch.setattr("builtins.open", lambda path, mode, real=open: real(tmp_path / "stat", mode))
    assert warden.parent_of(1) == (7 if stat.startswith(b"1 (a)") else 0)
