"""Any program as an app."""

from pathlib import Path

import pytest

from tests.support.locally import client, run
from tests.support.prompt import lab
from viscript.local import launch
from viscript.local.client import Client
from viscript.local.launch import LaunchError, Running


def test_the_daemon_starts_it_with_its_options_in_their_order(short_tmp: Path) -> None:
    with lab(short_tmp) as door:
        assert run(client(short_tmp), "run", "-n", "web", "-e", "A=1", "--", "sleep", "-x", "9") == 0
        assert run(client(short_tmp), "run", "-o", "json", "sleep", "--name", "x") == 0
        assert [asked for asked in door.asked() if isinstance(asked, list) and asked[0] == "run"] == [
            ["run", "--name", "web", "--env", "A=1", "--", "sleep", "-x", "9"],
            ["run", "--name", "x", "--output", "json", "--", "sleep"],
        ]


def test_a_daemon_is_started_without_the_callers_configuration(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    trusted: list[bool] = []

    def ensure(client: Client, *, trust_folder: bool = True) -> tuple[Running, bool]:
        trusted.append(trust_folder)
        return Running(9, ""), True

    monkeypatch.setattr(launch, "ensure", ensure)
    with lab(short_tmp):
        assert run(client(short_tmp), "run", "sleep", "9") == 0
    assert trusted == [False]
    assert "started daemon 9 runs" in capfd.readouterr().err


def test_a_daemon_that_cannot_start_is_the_error(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def ensure(client: Client, *, trust_folder: bool = True) -> tuple[Running, bool]:
        raise LaunchError(7, "not yours")

    monkeypatch.setattr(launch, "ensure", ensure)
    assert run(client(short_tmp), "run", "sleep", "9") == 7
