import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import msgspec
import pytest

from components.mesh.channel import ControlChannel, Method, Nothing
from components.mesh.doors import Doors, bind
from components.mesh.errors import Busy, Gone, RemoteError, TimedOut, Unreachable
from components.mesh.pool import CALLS_EACH, Pool
from components.mesh.session import Session, Visitor, dial
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL


class Text(msgspec.Struct, frozen=True):
    text: str


class Served:
    """Bob and Carol behind doors, who echo; `channels` are their ends."""

    def __init__(self) -> None:
        self.places: dict[PublicKey, tuple[str, int]] = {}
        self.channels: list[ControlChannel] = []
        self.changed = asyncio.Event()
        self.dialled = 0
        self.hold = asyncio.Event()
        self.frozen = False

    async def door(self, visitor: Visitor) -> None:
        methods = {"echo": Method(Text, self.echo), "hold": Method(Nothing, self.wait)}
        async with ControlChannel(await visitor.accept(), methods) as channel:
            self.channels.append(channel)
            await channel.ended.wait()
            self.channels.remove(channel)
            self.changed.set()

    async def echo(self, body: Text) -> Text:
        return body

    async def wait(self, _: Nothing) -> None:
        await self.hold.wait()

    async def dial(self, peer: PublicKey) -> Session:
        self.dialled += 1
        if self.frozen:
            await asyncio.Event().wait()
        return await dial(self.places[peer], ALICE, peer, 1)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.channels) != count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def serving() -> AsyncIterator[Served]:
    served = Served()
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for identity in (BOB, CAROL):
            listener = bind("127.0.0.1", 0)
            served.places[identity.public_key] = listener.getsockname()
            stack.callback(tasks.create_task(Doors(listener, identity, {1: served.door}).serve()).cancel)
        yield served


async def echo(pool: Pool, peer: PublicKey = BOB.public_key, deadline_s: float = 5) -> str:
    return (await pool.call(peer, "echo", Text("x"), Text, deadline_s=deadline_s)).text


async def test_calls_share_one_channel_for_each_peer() -> None:
    async with serving() as served, Pool(served.dial) as pool:
        await pool.warm(BOB.public_key, deadline_s=5)
        assert [await echo(pool) for _ in range(3)] == ["x"] * 3
        await echo(pool, CAROL.public_key)
        assert (served.dialled, len(pool)) == (2, 2)


async def test_more_calls_than_a_channel_takes_wait_for_their_turn() -> None:
    async with serving() as served, Pool(served.dial) as pool:
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(echo(pool)) for _ in range(4 * CALLS_EACH)]
        assert {call.result() for call in calls} == {"x"}
        assert served.dialled == 1


async def test_a_channel_that_is_gone_is_opened_again_within_the_call() -> None:
    async with serving() as served, Pool(served.dial) as pool:
        await echo(pool)
        served.channels[0].end("a restart")
        assert await echo(pool) == "x"
        assert served.dialled == 2


async def test_a_channel_that_does_not_answer_is_used_no_more() -> None:
    async with serving() as served, Pool(served.dial) as pool:
        with pytest.raises(TimedOut, match="no answer to hold within"):
            await pool.call(BOB.public_key, "hold", None, Nothing, deadline_s=0.1)
        assert len(pool) == 0
        served.hold.set()
        assert await echo(pool) == "x"
        assert served.dialled == 2


async def test_an_error_of_the_peer_leaves_the_channel_as_it_is() -> None:
    async with serving() as served, Pool(served.dial) as pool:
        for _ in range(2):
            with pytest.raises(RemoteError, match="no-such-method"):
                await pool.call(BOB.public_key, "other", None, Nothing, deadline_s=5)
        assert served.dialled == 1


async def test_the_one_unused_longest_makes_room() -> None:
    async with serving() as served, Pool(served.dial, most=1) as pool:
        await echo(pool)
        await echo(pool, CAROL.public_key)
        await served.until(1)
        assert served.channels[0].peer == ALICE.public_key
        assert len(pool) == 1


async def test_when_all_are_in_use_there_is_no_room() -> None:
    async with serving() as served, Pool(served.dial, most=1) as pool, asyncio.TaskGroup() as tasks:
        held = tasks.create_task(pool.call(BOB.public_key, "hold", None, Nothing, deadline_s=5))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await echo(pool, CAROL.public_key)
        served.hold.set()
        await held


async def test_one_that_nobody_uses_ends() -> None:
    async with serving() as served, Pool(served.dial, idle_s=0.02) as pool:
        await echo(pool)
        await served.until(0)
        assert len(pool) == 0


async def test_a_peer_that_cannot_be_reached_is_told_to_each_call() -> None:
    async def nowhere(_: PublicKey) -> Session:
        raise Unreachable("nowhere", "no address")

    async with Pool(nowhere) as pool:
        for _ in range(2):
            with pytest.raises(Unreachable):
                await echo(pool)


async def test_a_fault_in_reaching_one_peer_is_logged_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_: PublicKey) -> Session:
        raise ZeroDivisionError

    async with Pool(broken) as pool:
        with pytest.raises(Gone, match="a fault of ours"):
            await echo(pool)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_call_waits_for_the_session_no_longer_than_its_deadline() -> None:
    async with serving() as served:
        served.frozen = True
        async with Pool(served.dial) as pool:
            with pytest.raises(TimedOut, match=r"the session within 0\.05 s"):
                await echo(pool, deadline_s=0.05)


async def test_leaving_the_pool_ends_its_channels_and_those_who_wait() -> None:
    async with serving() as served, asyncio.TaskGroup() as tasks:
        async with Pool(served.dial) as pool:
            await echo(pool)
            served.frozen = True

            async def call() -> None:
                with suppress(Gone):
                    await echo(pool, CAROL.public_key)

            tasks.create_task(call())
            await asyncio.sleep(0)
        await served.until(0)
        with pytest.raises(Gone, match="closed here"):
            await echo(pool)
