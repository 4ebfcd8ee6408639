"""A host joins the bus when its app has said who it is; the host is a stand-in."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any, cast

import pytest

from components.visor.pipe import onbus
from components.visor.pipe.host import Host
from signal_bus.client import BusError
from signal_bus.ids import SeqId
from signal_bus.testing import RecordingDelegate, apps_endpoint, serving


class Standin:
    """What the bus sees of a host."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()

    def status(self) -> dict[str, Any]:
        return {"name": "skychat", "connections": []}


@pytest.fixture
def supervised(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VISCRIPT_ENDPOINT", apps_endpoint(short_tmp))
    monkeypatch.setenv("VISCRIPT_SEQ", "7")
    monkeypatch.setenv("VISCRIPT_GENERATION", "1")
    return short_tmp


async def test_it_is_ready_when_the_app_is_and_tells_of_it(supervised: Path) -> None:
    host, stopped = Standin(), asyncio.Event()
    async with (
        serving(supervised, RecordingDelegate()) as (server, told),
        asyncio.timeout(30),
        asyncio.TaskGroup() as group,
    ):
        task = group.create_task(onbus.serve("chat", cast(Host, host), stopped.set))
        await asyncio.sleep(0)
        assert not told.calls
        host.ready.set()
        while not any(name == "ready" for name, _ in told.calls):
            await asyncio.sleep(0.01)
        assert await server.call(SeqId(7), "status", {}, 10.0) == host.status()
        task.cancel()


async def test_without_a_daemon_there_is_no_bus() -> None:
    async with asyncio.timeout(10):
        await onbus.serve("chat", cast(Host, Standin()), lambda: None)


async def test_a_bus_that_refuses_it_leaves_the_app_at_work(
    supervised: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: object) -> None:
        raise BusError("not this one")

    monkeypatch.setattr("components.visor.pipe.onbus.SignalClient.__aenter__", refuse)
    host = Standin()
    host.ready.set()
    with caplog.at_level(logging.WARNING):
        await onbus.serve("chat", cast(Host, host), os.abort)
    assert "not on the bus: not this one" in caplog.text
