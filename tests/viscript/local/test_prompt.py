"""Opening the prompt."""

from pathlib import Path

import pytest

from tests.support.locally import client
from tests.support.prompt import lab
from viscript.local import launch, prompt
from viscript.local.client import Client
from viscript.local.launch import LaunchError, Running


def test_a_daemon_that_cannot_start_is_said_and_no_prompt_opens(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def ensure(client: Client, *, trust_folder: bool = True) -> tuple[Running, bool]:
        raise LaunchError(6, "config.yaml:1:1: bad")

    monkeypatch.setattr(launch, "ensure", ensure)
    assert prompt.run(client(short_tmp)) == 6
    assert capfd.readouterr().err == "viscript: config.yaml:1:1: bad\n"


def test_a_headless_configuration_says_so(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with lab(short_tmp) as door:
        door.answers["config"] = [{"o": '{"settings": {"runHeadless": true}}'}, {"x": 0}]
        assert prompt.run(client(short_tmp)) == 0
    assert "runHeadless: true" in capfd.readouterr().out
