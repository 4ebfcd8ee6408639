"""The helper that sets what only the new process can, run as the file it is."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from viscript.keeper import exechelper

HELPER = Path(exechelper.__file__)


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(HELPER), *argv], capture_output=True, text=True, check=False
    )


def test_it_becomes_the_program() -> None:
    done = run("--umask", "31", "--", "/bin/sh", "mysh", "-c", "echo $0; umask")
    assert done.stdout.split() == ["mysh", "0037"]


def test_limits_are_set() -> None:
    done = run(
        "--rlimit",
        "nofile=50:60",
        "--rlimit",
        "core=0:0",
        "--",
        "/bin/sh",
        "sh",
        "-c",
        "ulimit -Sn; ulimit -Hn; ulimit -c",
    )
    assert done.stdout.split() == ["50", "60", "0"]


@pytest.mark.parametrize(
    "options",
    [("--rlimit", "nofile=60:50"), ("--user", "no-such-user"), ("--group", "no-such-group")],
)
def test_what_fails_is_said_and_nothing_is_run(options: tuple[str, str]) -> None:
    done = run(*options, "--", "/bin/echo", "echo", "ran")
    assert (done.returncode, done.stdout) == (exechelper.FAILED, "")
    assert "viscript: cannot start /bin/echo" in done.stderr


def test_a_program_that_is_gone_meanwhile_is_said() -> None:
    done = run("--umask", "0", "--", "/no/such/program", "x")
    assert done.returncode == exechelper.FAILED
    assert "/no/such/program" in done.stderr


def test_it_imports_nothing_of_ours() -> None:
    assert "viscript." not in HELPER.read_text()


def test_the_program_gets_signals_as_the_system_means_them() -> None:
    done = run("--umask", "0", "--", "/bin/grep", "grep", "SigIgn", "/proc/self/status")
    assert done.stdout.split() == ["SigIgn:", "0" * 16]


def test_a_program_whose_parent_is_gone_already_does_not_come() -> None:
    """Its parent leads its session; this one's does not."""
    assert run("--tied", "yes", "--", "/bin/echo", "echo", "ran").returncode == -signal.SIGKILL
