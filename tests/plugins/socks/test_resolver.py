"""Names of peers, some of which nobody answers."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from plugins.socks import resolver as module
from plugins.socks.connect import connect
from plugins.socks.destination import Destination
from plugins.socks.policy import Policy
from plugins.socks.request import Code
from plugins.socks.resolver import NotConnected, Place, Resolver
from tests.support.nodes import until

OPEN = Policy(allow_private=True)
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]
SLOW = "slow.example"


class Slow:
    """A resolver that answers some names at once, and others when it is told to."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.asked: list[str] = []

    def ask(self, host: str, port: int, *, type: int) -> Any:
        self.asked.append(host)
        if host == SLOW:
            assert self.may_end.wait(60)
        return FOUND


@pytest.mark.parametrize("name", ["nobody.invalid", "a..b", "x" * 200])
async def test_a_name_that_is_none_is_told(name: str) -> None:
    def unknown(*words: object, **more: object) -> Any:
        if name == "nobody.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        raise UnicodeError("label empty or too long")

    resolver = Resolver(unknown)
    with pytest.raises(NotConnected, match="not known") as caught:
        await connect(Destination(name, 80), OPEN, resolver.of("mike"))
    assert caught.value.code is Code.NO_HOST
    assert not resolver._shares


async def test_a_resolver_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKUP_S", 0.05)
    slow = Slow()
    resolver = Resolver(slow.ask)
    with pytest.raises(NotConnected, match="no answer from the resolver") as caught:
        await connect(Destination(SLOW, 80), OPEN, resolver.of("mike"))
    assert caught.value.code is Code.TOO_LATE
    assert (resolver.under_way, resolver.crowded) == (1, 0)
    slow.may_end.set()
    await until(lambda: not resolver.under_way)
    assert not resolver._shares


async def test_one_whose_names_are_slow_holds_up_itself_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOOKUP_S", 0.3)
    slow = Slow()
    resolver = Resolver(slow.ask)
    mike, joe = resolver.of("mike"), resolver.of("joe")
    asked = [mike(Destination(SLOW, 80), socket.SOCK_STREAM) for _ in range(module.OF_ONE + 3)]
    waiting = asyncio.gather(*asked, return_exceptions=True)
    await until(lambda: resolver.under_way == module.OF_ONE)
    assert await joe(Destination("fast.example", 80), socket.SOCK_STREAM) == [
        Place(socket.AF_INET, ("192.0.2.1", 80))
    ]
    told = sorted(str(error) for error in await waiting)
    assert len(slow.asked) == module.OF_ONE + 1
    assert told[0].startswith(
        f"{SLOW}:80: {module.OF_ONE} names are being looked up, at most {module.OF_ONE}"
    )
    assert [("no answer" in text) for text in told] == [False] * 3 + [True] * module.OF_ONE
    assert resolver.crowded == 3
    slow.may_end.set()
    await until(lambda: not resolver.under_way)
    await mike(Destination(SLOW, 80), socket.SOCK_STREAM)  # it has its turns back
    await until(lambda: not resolver._shares)


async def test_all_together_have_a_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKUP_S", 0.05)
    monkeypatch.setattr(module, "ALL", 1)
    slow = Slow()
    resolver = Resolver(slow.ask)
    for peer in ("mike", "joe"):
        with pytest.raises(NotConnected):
            await resolver.of(peer)(Destination(SLOW, 80), socket.SOCK_STREAM)
    assert (len(slow.asked), resolver.crowded) == (1, 1)
    slow.may_end.set()
    await until(lambda: not resolver._shares)


async def test_a_system_without_threads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver()
    with monkeypatch.context() as inner:
        inner.setattr(threading.Thread, "start", fails)
        with pytest.raises(NotConnected, match="can't start") as caught:
            await resolver.of("mike")(Destination("x.example", 80), socket.SOCK_STREAM)
    assert caught.value.code is Code.FAILED
    assert (resolver.under_way, resolver._shares) == (0, {})


def test_an_exit_that_ends_waits_for_no_name() -> None:
    slow = Slow()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await Resolver(slow.ask).of("mike")(Destination(SLOW, 80), socket.SOCK_STREAM)

    asyncio.run(leave())
    slow.may_end.set()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon and "_work" in thread.name:
            thread.join(20)
