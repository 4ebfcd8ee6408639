"""Promise: no zombie, however many short-lived apps there were."""

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.programs import config, row, rows
from tests.support.wait import eventually

WIDTH = 20
FAST = {"policy": "always", "delay": "1ms", "max_delay": "1ms", "jitter": 0}


def zombies(home: ScratchHome) -> list[psutil.Process]:
    """Dead children of this home's daemon and keeper that nobody waited for."""
    found = []
    for pid in (home.daemon_pid(), home.keeper_pid()):
        for process in psutil.Process(pid).children(recursive=True):
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
    return found


def short_lives(home: ScratchHome, lives: int) -> None:
    """`WIDTH` apps end and are started again until there were so many processes."""
    apps = {f"a{n}": {"command": ["true"], "restart": FAST, "autostart": True} for n in range(WIDTH)}
    home.start_daemon(config(apps))

    def lived() -> bool:
        had = [one["generation"] for one in rows(home).values()]
        return bool(sum(had) >= lives)

    eventually(lived, deadline_s=lives / 20, interval_s=0.3)
    dead = set(zombies(home))  # these have died this very moment, and others do as we look
    eventually(lambda: not dead & set(zombies(home)), deadline_s=2)
    home.viscript("sd", "all").ok()
    assert zombies(home) == []
    assert psutil.Process(home.keeper_pid()).num_fds() < 10 * WIDTH
    assert home.named("true") == {}


def test_two_thousand_short_lives_leave_no_zombie(scratch_home: ScratchHome) -> None:
    short_lives(scratch_home, 2_000)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_short_lives_leave_no_zombie(scratch_home: ScratchHome) -> None:
    short_lives(scratch_home, 10_000)


def test_orphans_that_fall_to_the_keeper_are_reaped(scratch_home: ScratchHome) -> None:
    shell = "for n in $(seq 50); do (sleep 0.1 & ) ; done; echo made; exec sleep 100"
    scratch_home.start_daemon(config({"maker": {"command": ["sh", "-c", shell]}}))
    scratch_home.viscript("s", "maker").ok()
    eventually(lambda: len(psutil.Process(row(scratch_home)["pid"]).children(recursive=True)) == 0)
    eventually(lambda: not zombies(scratch_home))
