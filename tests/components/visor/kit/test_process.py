"""The life of an app as a process, with and without a visor; the programs themselves: tests/plugins."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from components.visor.app import NoVisor
from components.visor.kit import process


class Idle:
    """Works until it is stopped."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def run(self, ready: process.Ready) -> None:
        if self._error is not None:
            raise self._error
        ready({"place": "here"})
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    def status(self) -> dict[str, Any]:
        return {}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("VISCRIPT", "MESHNET"))]:
        monkeypatch.delenv(name)


class Chatty(Idle):
    """Answers more than figures."""

    @property
    def methods(self) -> Sequence[Callable[..., object]]:
        return (self.status,)


def test_only_an_app_with_methods_answers_more_than_its_figures() -> None:
    assert isinstance(Chatty(), process.Answering)
    assert not isinstance(Idle(), process.Answering)


def test_a_signal_stops_it_with_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main("idle", Idle) == 0
    assert capsys.readouterr().out == "ready: place here\n"


def test_what_it_cannot_have_is_one_sentence_and_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main("idle", lambda: Idle(NoVisor("no visor here"))) == 1
    assert capsys.readouterr().err == "idle: no visor here\n"


def test_a_host_that_does_not_let_it_work_is_one_sentence_and_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert process.main("idle", lambda: Idle(process.CannotWork("no cable here"))) == 1
    assert capsys.readouterr().err == "idle: no cable here\n"


class Offering(Idle):
    """Is found by a service."""

    @property
    def offers(self) -> Sequence[tuple[str, str, str]]:
        return (("idle", "idleness", "here"),)


def test_an_app_with_a_service_works_also_where_there_is_no_bus_to_offer_it_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert isinstance(Offering(), process.Offering)
    assert not isinstance(Idle(), process.Offering)
    assert process.main("idle", Offering) == 0
