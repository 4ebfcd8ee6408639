"""`daemon upgrade`: one daemon takes the place of the other, with the same configuration."""

import fcntl
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.locally import client, run
from viscript.errors import VerbError
from viscript.local import launch, upgrade
from viscript.local.client import Client
from viscript.local.launch import LaunchError, Running

Seen = list[object]


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What was started; the next daemon is pid 8."""
    seen: Seen = []

    def start(client: Client, *, config: str | None, trust_folder: bool) -> Running:
        seen.append((config, trust_folder))
        return Running(8, config or "")

    monkeypatch.setattr(launch, "start", start)
    return seen


def upgraded(home: Path, config: str = "/etc/c.yaml") -> tuple[int, list[object]]:
    Path(client(home).home.daemon_lock).touch()
    with FakeDoor(f"{home}/run/verbs.sock") as door:
        door.answers["daemon"] = lambda caller: [
            {"o": '{"pid": 7, "config": "' + config + '"}'},
            {"x": 0},
        ]
        return run(client(home), "daemon", "upgrade"), door.asked()


def test_the_next_daemon_has_the_same_configuration(
    short_tmp: Path, starts: Seen, capfd: pytest.CaptureFixture[str]
) -> None:
    code, asked = upgraded(short_tmp)
    assert code == 0
    assert asked[-1] == ["daemon", "stop"]
    assert starts == [("/etc/c.yaml", True)]
    assert "daemon 8 runs; configuration: /etc/c.yaml; it took the place of 7" in capfd.readouterr().out


def test_without_a_configuration_none_is_looked_for(short_tmp: Path, starts: Seen) -> None:
    upgraded(short_tmp, config="")
    assert starts == [(None, False)]


def test_a_file_of_the_home_that_is_not_in_use_is_told(
    short_tmp: Path, starts: Seen, capfd: pytest.CaptureFixture[str]
) -> None:
    file = short_tmp / "config.yaml"
    file.write_text("{}")
    upgraded(short_tmp, config="")
    assert (
        f"not in use, since none was when the daemon came up: viscript apply {file}" in capfd.readouterr().err
    )
    upgraded(short_tmp, config=str(file))
    assert "not in use" not in capfd.readouterr().err


def test_without_a_daemon_it_is_4(short_tmp: Path, starts: Seen) -> None:
    assert run(client(short_tmp), "daemon", "upgrade") == 4
    assert starts == []


def test_a_daemon_that_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "GONE_S", 0.05)
    lock = tmp_path / "lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(VerbError, match=r"pid 7\) was told to end and has not"):
            upgrade._await_end(str(lock), 7)


def test_a_service_manager_may_be_faster(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object, **options: object) -> Running:
        raise LaunchError(1, "a daemon runs on this home already: pid 9")

    monkeypatch.setattr(launch, "start", refused)
    monkeypatch.setattr(launch, "running", lambda client: Running(9, "c"))
    assert upgrade._next(client(short_tmp), Running(7, "c")).pid == 9
    with pytest.raises(LaunchError):
        upgrade._next(client(short_tmp), Running(9, "c"))
