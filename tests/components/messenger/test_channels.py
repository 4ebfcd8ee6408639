import asyncio
import socket

import msgspec
import pytest

from components.mesh.channel import ControlChannel, Method
from components.mesh.errors import Gone, Refused
from components.mesh.ports import MeshPort
from components.mesh.relay_wire import Incoming, Through
from components.mesh.roster import Messenger as Where
from components.mesh.session import Session, dial
from components.messenger.server import Limits
from signal_bus.identity import Identity
from tests.support.mesh import ALICE, BOB, CAROL
from tests.support.messengers import exchanged, messenger, until

B = BOB.public_key
SHORT = Limits(token_s=0.05)


async def through(where: Where, identity: Identity, args: msgspec.Struct | None) -> Session:
    return await dial(where.address, identity, CAROL.public_key, MeshPort.RELAY, args)


class Here:
    """Bob's presence, by hand: tokens arrive in a queue."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.told: asyncio.Queue[Incoming] = asyncio.Queue()

    async def __aenter__(self) -> "Here":
        session = await dial(self.where.address, BOB, CAROL.public_key, MeshPort.PRESENCE)
        self.channel = ControlChannel(session, {"incoming": Method(Incoming, self.told.put)})
        await self.channel.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.channel.__aexit__(None, None, None)


async def met(where: Where, bob: Here, caller: Identity = ALICE) -> tuple[socket.socket, socket.socket]:
    async with asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(through(where, caller, Through(to=B)))
        told = await bob.told.get()
        assert told.caller == caller.public_key
        came = await through(where, BOB, Through(token=told.token))
    return dialling.result().socket, came.socket


async def test_two_connections_become_one_and_a_half_close_passes() -> None:
    loop = asyncio.get_running_loop()
    async with messenger() as (it, where), Here(where) as bob:
        ours, theirs = await met(where, bob)
        with ours, theirs:
            await exchanged(ours, theirs)
            assert [(one.caller, one.callee) for one in it.channels.open] == [(ALICE.public_key, B)]
            ours.shutdown(socket.SHUT_WR)
            assert await loop.sock_recv(theirs, 1) == b""
            await loop.sock_sendall(theirs, b"late")
            assert await loop.sock_recv(ours, 9) == b"late"
        await until(lambda: not it.channels.open)
        assert it.channels.quota.used(it.channels.day()) == {ALICE.public_key: 14}


@pytest.mark.parametrize("args", [None, Through(to=B, token=bytes(16)), Through()])
async def test_a_wish_is_for_one_thing(args: msgspec.Struct | None) -> None:
    async with messenger() as (_, where):
        with pytest.raises(Refused, match="bad-request"):
            await through(where, ALICE, args)


class Bad(msgspec.Struct):
    to: int = 1


async def test_a_wish_of_another_form_is_refused() -> None:
    async with messenger() as (_, where):
        with pytest.raises(Refused, match="bad-request"):
            await through(where, ALICE, Bad())


async def test_who_is_not_here_cannot_be_reached() -> None:
    async with messenger() as (_, where):
        with pytest.raises(Refused, match=f"absent: {B.hex()} is not here"):
            await through(where, ALICE, Through(to=B))


async def test_a_token_is_for_one_key_and_one_use() -> None:
    async with messenger() as (_, where), Here(where) as bob, asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(through(where, ALICE, Through(to=B)))
        token = Through(token=(await bob.told.get()).token)
        for thief in (ALICE, CAROL):
            with pytest.raises(Refused, match="no-such-call"):
                await through(where, thief, token)
        (await through(where, BOB, token)).close()
        with pytest.raises(Refused, match="no-such-call"):
            await through(where, BOB, token)
        (await dialling).close()


async def test_who_does_not_come_is_named_and_its_token_is_worth_nothing() -> None:
    async with messenger(SHORT) as (_, where), Here(where) as bob:
        with pytest.raises(Refused, match=f"no-answer: {B.hex()} did not come within 0.05 s"):
            await through(where, ALICE, Through(to=B))
        with pytest.raises(Refused, match="no-such-call"):
            await through(where, BOB, Through(token=(await bob.told.get()).token))


async def test_who_leaves_while_it_is_called_is_named() -> None:
    async with messenger() as (_, where), Here(where) as bob:

        async def left() -> None:
            await bob.told.get()
            bob.channel.end("left")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(left())
            with pytest.raises(Refused, match="no-answer"):
                await through(where, ALICE, Through(to=B))


async def test_each_key_has_so_many_connections_and_bytes() -> None:
    bounds = Limits(channels_each=1, bytes_a_day=1000)  # who is called has all the time it needs
    async with messenger(bounds) as (it, where), Here(where) as bob:
        ours, theirs = await met(where, bob)
        with ours, theirs:
            with pytest.raises(Refused, match="busy: you have 1 connections"):
                await through(where, ALICE, Through(to=B))
            await asyncio.get_running_loop().sock_sendall(ours, bytes(2000))
            await until(lambda: not it.channels.open)
        with pytest.raises(Refused, match="quota"):
            await through(where, ALICE, Through(to=B))


async def test_so_many_wait_for_one_key() -> None:
    bounds = Limits(waiting_each=1)
    async with messenger(bounds) as (_, where), Here(where) as bob, asyncio.TaskGroup() as tasks:
        dialling = tasks.create_task(through(where, ALICE, Through(to=B)))
        told = await bob.told.get()
        with pytest.raises(Refused, match="busy: connections to"):
            await through(where, CAROL, Through(to=B))
        (await through(where, BOB, Through(token=told.token))).close()
        (await dialling).close()


async def test_connections_of_a_key_can_be_dropped() -> None:
    async with messenger() as (it, where), Here(where) as bob:
        ours, theirs = await met(where, bob)
        with ours, theirs:
            it.channels.drop(CAROL.public_key, "not theirs")
            await exchanged(ours, theirs)
            it.channels.drop(B, "enough")
            assert await asyncio.get_running_loop().sock_recv(ours, 1) == b""


async def test_a_caller_that_left_leaves_nothing_behind() -> None:
    async with messenger() as (it, where), Here(where) as bob:
        dialling = asyncio.timeout(0.2)
        with pytest.raises(TimeoutError):
            async with dialling:
                await through(where, ALICE, Through(to=B))
        token = (await bob.told.get()).token
        try:
            came = await through(where, BOB, Through(token=token))
            with came.socket as sock:
                assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
        except Gone:
            pass  # the messenger saw it sooner
        await until(lambda: not it.channels.open)
