from pathlib import Path

import pytest

from tests.support.fake_world import NOW, instance
from tests.support.log_folder import LogFolder
from viscript.diagnose import gather as module
from viscript.diagnose.gather import Around, gather
from viscript.states import State
from viscript.supervisor.api import Exit, Instance

AROUND = Around(now=NOW, home="/h", run_started=0.0, run_pid=123, stopped_by="ann")


def app(folder: Path, state: State, output: bytes, **given: object) -> Instance:
    log = LogFolder(folder / "7-web")
    log.write(output)
    log.close()
    return instance(7, "web", state, log_dir=log.path, **given)


@pytest.mark.parametrize(
    "output, complaint",
    [
        (b"bind: Address already in use\n", "address"),
        (b"database is locked\n", "lock"),
        (b"open: Permission denied\n", "permission"),
        (b"ValueError\n", ""),
    ],
)
def test_what_it_complains_of(tmp_path: Path, output: bytes, complaint: str) -> None:
    facts = gather(app(tmp_path, State.BACKOFF, output, last_exit=Exit(code=1)), AROUND)
    assert facts.complaint == complaint
    assert (facts.now, facts.stopped_by) == (NOW, "ann")
    assert facts.last_lines == (output.decode().strip(),)


@pytest.mark.parametrize("state", [State.RUNNING, State.READY, State.STOPPED, State.DONE, State.STARTING])
def test_what_did_not_fail_is_not_searched_for(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "default_holders", pytest.fail)
    facts = gather(app(tmp_path, state, b"open: Permission denied\n"), AROUND)
    assert facts.complaint == ""
    assert facts.last_lines


def test_a_start_that_complains_is_searched_for(tmp_path: Path) -> None:
    assert gather(app(tmp_path, State.STARTING, b"EADDRINUSE\n"), AROUND).complaint == "address"


def test_the_kernel_is_asked_about_a_kill_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def was_out_of_memory(pid: int, since: float, now: float) -> bool:
        asked.append(pid)
        return True

    monkeypatch.setattr(module, "was_out_of_memory", was_out_of_memory)
    assert gather(app(tmp_path / "1", State.BACKOFF, b"x", last_exit=Exit(signal=9)), AROUND).out_of_memory
    assert not gather(
        app(tmp_path / "2", State.BACKOFF, b"x", last_exit=Exit(signal=11)), AROUND
    ).out_of_memory
    assert not gather(app(tmp_path / "3", State.FATAL, b"x"), AROUND).out_of_memory
    assert asked == [123]
