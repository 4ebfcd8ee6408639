"""The client's decisions. Its work on a host is tried in tests/e2e/mesh_vpn."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from components.visor.app import App, StreamReset, UnknownName
from components.visor.kit.kept import KeptVisor
from components.visor.kit.process import CannotWork
from plugins.vpn import client as module
from plugins.vpn import needs, options
from plugins.vpn.client import Client
from plugins.vpn.life import Event
from plugins.vpn.needs import Lacking
from plugins.vpn.serving import NOT_WELCOME
from plugins.vpn.tunnel import Tunnel
from signal_bus.client import RemoteError
from tests.support.vpn_hold import Hold, holding


def client(*words: str, hold: Hold | None = None) -> Client:
    made = Client(options.client(["--peer", "mike", *words], {}))
    made._holding = holding(hold or Hold(), guarded="--kill-switch" in words)
    return made


async def test_only_a_tunnel_can_be_confirmed_or_checked() -> None:
    made = client()
    made._tell("no way")
    with pytest.raises(RemoteError, match=r"there is no tunnel to confirm \(dialling: no way\)"):
        made.confirm()
    with pytest.raises(RemoteError, match="there is no tunnel to check"):
        await made.check()


async def test_whoever_waits_for_the_tunnel_is_told_at_once() -> None:
    made = client()
    assert (await made.until_up(0.01))["state"] == "dialling"
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(made.until_up(20))
        await asyncio.sleep(0)
        made._holding.feed(Event.UP)
        assert (await waiting)["state"] == "up, not confirmed"


async def test_whoever_waits_for_a_tunnel_to_nobody_is_told_at_once() -> None:
    made = client()

    class Stranger:
        async def resolve(self, text: str) -> bytes:
            raise UnknownName("unknown-name", f"nobody is called {text}")

    async def app() -> App:
        return cast(App, Stranger())

    made._visor = cast(KeptVisor, SimpleNamespace(app=app))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(made.until_up(20))
        await made._once(cast(Tunnel, Hold()))
        assert (await waiting)["why"] == "nobody is called mike"


async def test_a_visor_that_may_not_mark_is_refused() -> None:
    made = client()

    async def app() -> App:
        return cast(App, SimpleNamespace(mark=0))

    made._visor = cast(KeptVisor, SimpleNamespace(app=app))
    with pytest.raises(Lacking, match="may not mark its packets"):
        await made._mark()


async def test_a_host_that_lacks_something_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking() -> None:
        raise Lacking("CAP_NET_ADMIN is missing")

    monkeypatch.setattr(needs, "check", lacking)
    with pytest.raises(CannotWork, match="CAP_NET_ADMIN is missing"):
        await client().run(lambda told: None)


def test_a_refusal_of_the_exit_is_a_sentence() -> None:
    assert "its key is not on the list" in module._sentence(StreamReset(NOT_WELCOME))
    assert module._sentence(TimeoutError()) == "TimeoutError"
