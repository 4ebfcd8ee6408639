import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import environment, up

ROOT = Path(__file__).resolve().parents[2]


class BecameError(Exception):
    """Stands for the moment this process turned into `viscript`."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What `up` ran and became, instead of doing so."""
    ran: list[list[str]] = []

    def start(argv: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        ran.append(argv)
        return subprocess.CompletedProcess(argv, 0)

    def become(_path: str, argv: list[str]) -> None:
        ran.append(argv)
        raise BecameError

    monkeypatch.setattr(environment, "ensure", lambda *_args, **_options: Path("py"))
    monkeypatch.setattr(subprocess, "run", start)
    monkeypatch.setattr(os, "execv", become)
    return ran


@pytest.fixture
def daemon_door(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The run folder of a home in which something listens at the door."""
    monkeypatch.setenv("VISCRIPT_HOME", str(short_tmp))
    run = short_tmp / "run"
    run.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(run / "verbs.sock"))
        listener.listen()
        yield run


def test_without_a_daemon_one_is_started_then_the_arguments_run(
    started: list[list[str]], short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISCRIPT_HOME", str(short_tmp))
    with pytest.raises(BecameError):
        up.run(ROOT, ["-c", "apps"], apt=False)
    viscript = ["py", "-P", "-m", "viscript"]
    assert started == [
        [*viscript, "daemon", "--config", str(ROOT / "config.yaml"), "--detach"],
        [*viscript, "-c", "apps"],
    ]


def test_a_daemon_that_cannot_start_ends_it_with_its_code(
    started: list[list[str]], short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISCRIPT_HOME", str(short_tmp))
    monkeypatch.setattr(subprocess, "run", lambda argv, **_options: subprocess.CompletedProcess(argv, 6))
    assert up.run(ROOT, [], apt=False) == 6
    assert not started


def test_a_daemon_with_the_same_config_is_used_in_silence(
    started: list[list[str]], daemon_door: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (daemon_door / "daemon.json").write_text(json.dumps({"config": str(ROOT / "config.yaml")}))
    with pytest.raises(BecameError):
        up.run(ROOT, [], apt=False)
    assert started == [["py", "-P", "-m", "viscript"]]
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    "facts, named", [('{"config": "/etc/v.yaml"}', "/etc/v.yaml"), ("{", "no config file")]
)
def test_a_daemon_with_another_config_is_used_and_said(
    started: list[list[str]], daemon_door: Path, capsys: pytest.CaptureFixture[str], facts: str, named: str
) -> None:
    (daemon_door / "daemon.json").write_text(facts)
    with pytest.raises(BecameError):
        up.run(ROOT, [], apt=False)
    assert capsys.readouterr().err == f"boot: a daemon already runs here, with {named}\n"
