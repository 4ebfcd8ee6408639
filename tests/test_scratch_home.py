"""The helper that drives real daemons, tried on stand-ins for them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import Answer, ScratchHome

WAITS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def home(short_tmp: Path) -> Iterator[ScratchHome]:
    home = ScratchHome(short_tmp)
    yield home
    home.close()
    assert not home.processes()


def stand_in(home: ScratchHome, module: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*WAITS, module], env=home.environ)


def test_daemon_and_keeper_are_told_apart(home: ScratchHome) -> None:
    with stand_in(home, "viscript.daemon") as daemon, stand_in(home, "viscript.keeper") as keeper:
        assert home.daemon_pid() == daemon.pid
        assert home.keeper_pid() == keeper.pid
        assert home.kill_daemon() == daemon.pid
        assert [process.pid for process in home.processes()] == [keeper.pid]
        assert home.kill_keeper() == keeper.pid


def test_closing_ends_all_that_runs_there(home: ScratchHome) -> None:
    with stand_in(home, "viscript.keeper"), stand_in(home, "app"):
        home.keeper_pid()
        home.close()


def test_the_daemon_of_another_home_is_left_alone(home: ScratchHome, tmp_path: Path) -> None:
    other = ScratchHome(tmp_path)
    with stand_in(other, "viscript.daemon") as daemon:
        other.daemon_pid()
        home.close()
        assert daemon.poll() is None
        other.close()


def test_a_failed_answer_shows_what_was_printed() -> None:
    with pytest.raises(AssertionError, match="exit 4\nstdout: out\nstderr: err"):
        Answer(4, "out", "err").ok()


def test_a_config_given_as_text_becomes_a_file_of_the_home(home: ScratchHome) -> None:
    assert home.write_config("apps: {}\n").read_text() == "apps: {}\n"
    assert home.write_config(Path("/elsewhere.yaml")) == Path("/elsewhere.yaml")
