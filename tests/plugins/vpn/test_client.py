"""The client's decisions. Its work on a host is tried in tests/e2e/mesh_vpn."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.visor.app import App, StreamReset, UnknownName
from components.visor.kit.kept import KeptVisor
from components.visor.kit.process import CannotWork
from plugins.vpn import client as module
from plugins.vpn import needs, options
from plugins.vpn.changes import Run
from plugins.vpn.client import Client
from plugins.vpn.host import HostError
from plugins.vpn.life import Event, State
from plugins.vpn.needs import Lacking
from plugins.vpn.serving import NOT_WELCOME
from plugins.vpn.tunnel import Tunnel
from plugins.vpn.wire import Lease
from signal_bus.client import RemoteError


class Hold:
    """Notes what the client has done to its host."""

    def __init__(self, *, refusing: bool = False) -> None:
        self.done: list[str] = []
        self.tun: object | None = None
        self.lease: object | None = None
        self._refusing = refusing

    def __getattr__(self, name: str) -> Any:
        def note(*words: object) -> None:
            self.done.append(name)
            if self._refusing:
                raise HostError(Run(("nft",)), "no")

        return note


def client(*words: str, hold: Hold | None = None) -> Client:
    made = Client(options.client(["--peer", "mike", *words], {}))
    made._tunnel = cast(Tunnel, hold or Hold())
    made._lease = Lease("10.44.0.7", "10.44.0.1")
    return made


async def test_a_trial_that_fails_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROLLBACK_S", 0.05)
    hold = Hold()
    made = client(hold=hold)
    made._feed(Event.UP)
    made._feed(Event.LOST)
    async with asyncio.timeout(10):
        while made.status()["state"] != "given up":
            await asyncio.sleep(0.005)
    assert hold.done == ["engage", "undo"]


async def test_the_time_that_was_silent_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    hold = Hold()
    made = client(hold=hold)
    made._feed(Event.UP)
    made.confirm()
    made._feed(Event.LOST, 29.99)
    async with asyncio.timeout(10):
        while made.status()["state"] != "taken back, dialling":
            await asyncio.sleep(0.005)
    assert hold.done == ["engage", "confirm", "loosen"]


async def test_a_path_that_is_back_in_time_changes_nothing() -> None:
    hold = Hold()
    made = client("--kill-switch", hold=hold)
    for event in (Event.UP, Event.LOST, Event.UP):
        made._feed(event)
    assert made._timer is None
    assert hold.done == ["engage", "engage"]  # the second finds its work done


async def test_what_the_host_refuses_in_the_timer_is_raised_where_it_is_seen() -> None:
    made = client(hold=Hold())
    made._fault = asyncio.get_running_loop().create_future()
    made._feed(Event.UP)
    made._feed(Event.LOST)
    made._disarm()
    made._tunnel = cast(Tunnel, Hold(refusing=True))
    made._late(Event.LATE)
    with pytest.raises(HostError):
        made._fault.result()


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
        made._feed(Event.UP)
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


@pytest.mark.parametrize(
    "words, confirmed, left",
    [(["--kill-switch"], True, ["leave"]), (["--kill-switch"], False, ["undo"]), ([], True, ["undo"])],
)
async def test_a_confirmed_kill_switch_alone_is_left(
    words: list[str], confirmed: bool, left: list[str]
) -> None:
    hold = Hold()
    made = client(*words, hold=hold)
    made._begin(confirmed=confirmed)
    assert made._state is (State.FIRST if not confirmed else State.HELD if words else State.AWAY)
    made._leave(cast(Tunnel, hold))
    assert hold.done == left


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
