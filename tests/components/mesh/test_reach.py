import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from components.mesh import reach as module
from components.mesh.doors import Doors, bind
from components.mesh.errors import Refused, Unreachable
from components.mesh.reach import Address, Reach, parse_address
from components.mesh.session import Visitor, connect
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL

PORT = 136
CLOSED = ("127.0.0.1", 1)


@asynccontextmanager
async def at(identity: Identity) -> AsyncIterator[Address]:
    async def door(visitor: Visitor) -> None:
        (await visitor.accept()).close()

    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        listener = bind("127.0.0.1", 0)
        stack.callback(tasks.create_task(Doors(listener, identity, {PORT: door}).serve()).cancel)
        yield listener.getsockname()


def reach(*addresses: Address, relay: module.Relay | None = None, port: int = PORT) -> Reach:
    async def lookup(_: PublicKey) -> Sequence[Address]:
        return addresses

    return Reach(ALICE, port, lookup, relay)


async def test_the_first_address_that_is_the_node_is_taken() -> None:
    async with at(BOB) as bob, at(CAROL) as carol:
        (await reach(CLOSED, carol, bob)(BOB.public_key)).close()


async def test_a_refusal_of_the_node_itself_is_the_answer() -> None:
    async with at(BOB) as bob:
        with pytest.raises(Refused, match="no-such-port"):
            await reach(bob, CLOSED, port=99)(BOB.public_key)


async def test_the_relay_is_the_last_way() -> None:
    async with at(BOB) as bob:

        async def relay(peer: PublicKey) -> socket.socket:
            assert peer == BOB.public_key
            return await connect(bob)

        (await reach(CLOSED, relay=relay)(BOB.public_key)).close()


async def test_an_address_that_is_silent_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ADDRESS_S", 0.05)
    with bind("127.0.0.1", 0) as silent:
        async with at(BOB) as bob:
            (await reach(silent.getsockname(), bob)(BOB.public_key)).close()


async def test_a_node_that_is_nowhere_is_said_to_be() -> None:
    with pytest.raises(Unreachable, match="no known address"):
        await reach()(BOB.public_key)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        await reach(CLOSED)(BOB.public_key)


async def test_a_directory_that_is_away_is_the_reason() -> None:
    async def lookup(_: PublicKey) -> Sequence[Address]:
        raise Unreachable("directory", "no answer")

    with pytest.raises(Unreachable, match="directory: no answer"):
        await Reach(ALICE, PORT, lookup)(BOB.public_key)


async def test_a_relay_that_fails_too_is_told_beside_what_failed_before() -> None:
    async def relay(_: PublicKey) -> socket.socket:
        raise Unreachable("messenger", "away")

    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1: .*; by relay: messenger: away"):
        await reach(CLOSED, relay=relay)(BOB.public_key)
    with pytest.raises(Unreachable, match=r"^messenger: away$"):
        await reach(relay=relay)(BOB.public_key)


@pytest.mark.parametrize("text", ["", "a", ":1", "a:", "a:x", "a:70000", "a:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        parse_address(text)


def test_an_address_is_a_host_and_a_port() -> None:
    assert parse_address("[::1]:7777") == ("::1", 7777)
