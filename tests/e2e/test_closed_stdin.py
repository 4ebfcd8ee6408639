"""Promise: a daemon whose stdin is closed, or ends, idles. (Others spin on it.)"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config
from tests.support.wait import eventually

CLOSED = 'exec "$@" <&-'
ENDED = 'exec "$@" </dev/null'
PIPE_ENDED = ': | exec "$@"'


@contextmanager
def in_front(home: ScratchHome, how: str) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon in the foreground, with its stdin as a shell makes it."""
    file = home.write_config(config({"nap": {**SLEEP, "autostart": True}}))
    argv = ["/bin/sh", "-c", how, "sh", *home.command("daemon", "--config", str(file))]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, env=home.environ, stdout=quiet, stderr=quiet) as process:
        eventually(lambda: home.viscript("la").code == 0)
        yield process
        home.viscript("daemon", "stop", "--stop-all").ok()
        assert process.wait(15) == 0


def share_of_cpu(pids: list[int], seconds: float) -> float:
    """CPU seconds used by processes in each second, over a while."""
    begin, before = time.monotonic(), used(pids)
    eventually(lambda: time.monotonic() - begin >= seconds, deadline_s=seconds + 5, interval_s=0.5)
    return (used(pids) - before) / (time.monotonic() - begin)


def used(pids: list[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(one.user + one.system for one in times)


def idles(home: ScratchHome, how: str, seconds: float, most: float) -> None:
    with in_front(home, how):
        pids = [home.daemon_pid(), home.keeper_pid()]
        eventually(lambda: share_of_cpu(pids, 0.5) < most)  # start-up is over
        assert share_of_cpu(pids, seconds) < most


@pytest.mark.parametrize("how", [CLOSED, ENDED, PIPE_ENDED])
def test_a_daemon_without_stdin_idles(scratch_home: ScratchHome, how: str) -> None:
    idles(scratch_home, how, 2, 0.03)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", [CLOSED, ENDED, PIPE_ENDED])
def test_a_daemon_without_stdin_idles_for_a_minute(scratch_home: ScratchHome, how: str) -> None:
    idles(scratch_home, how, 60, 0.01)
