"""`viscript daemon`."""

from pathlib import Path

import pytest

from tests.support.locally import client, run
from viscript.local import launch
from viscript.local.client import Client
from viscript.local.launch import LaunchError, Running


def test_detached_it_says_who_runs_and_by_which_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked: list[str | None] = []

    def start(client: Client, *, config: str | None = None, trust_folder: bool = True) -> Running:
        asked.append(config)
        return Running(7, "/c.yaml")

    monkeypatch.setattr(launch, "start", start)
    assert run(client(tmp_path), "daemon", "--config", "c.yaml", "--detach") == 0
    assert capfd.readouterr().out == "daemon 7 runs; configuration: /c.yaml\n"
    assert asked == ["c.yaml"]


def test_detached_it_says_what_is_wrong_with_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "start", lambda *_, **__: Running(7, "", ("plugin mesh: unknown key",)))
    assert run(client(tmp_path), "daemon", "--detach") == 0
    assert capfd.readouterr().err == "plugin mesh: unknown key\n"


def test_in_the_foreground_it_becomes_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[str | None] = []
    monkeypatch.setattr(launch, "replace", lambda client, config: became.append(config))
    monkeypatch.setattr(launch, "start", lambda *_, **__: Running(7, ""))
    run(client(tmp_path), "daemon")
    assert became == [None]


def test_what_a_daemon_said_before_it_ended_is_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def start(client: Client, *, config: str | None = None, trust_folder: bool = True) -> Running:
        raise LaunchError(6, "c.yaml:1:1: bad")

    monkeypatch.setattr(launch, "start", start)
    assert run(client(tmp_path), "daemon", "--detach") == 6
    assert "c.yaml:1:1: bad" in capfd.readouterr().err


def test_at_the_prompt_only_a_detached_one_makes_sense(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(client(tmp_path, session=True), "daemon") == 2
