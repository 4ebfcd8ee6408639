import asyncio
import logging

import pytest

from components.mesh import relay as module
from components.mesh.doors import Doors, bind
from components.mesh.errors import Gone, PeerError, Refused, TimedOut, Unreachable
from components.mesh.ports import MeshPort
from components.mesh.relay import Pace
from components.mesh.roster import Messenger as Where
from components.mesh.session import Session, Visitor, dial, dial_over
from components.messenger.server import Messenger
from tests.support.mesh import ALICE, BOB, CAROL
from tests.support.messengers import OTHER, client, exchanged, messenger, serving, until

B = BOB.public_key


class Door:
    """Takes whoever comes."""

    def __init__(self) -> None:
        self.met: asyncio.Queue[Session] = asyncio.Queue()

    async def __call__(self, visitor: Visitor) -> None:
        await self.met.put(await visitor.accept())


async def test_a_key_is_reached_through_a_messenger_and_proves_itself() -> None:
    door = Door()
    async with (
        messenger() as (_, where),
        client(BOB, [where], {MeshPort.LINK: door}),
        client(ALICE, [where]) as alice,
    ):
        for via in ((), (where,)):
            ours = await dial_over(await alice.dial(B, via), ALICE, B, MeshPort.LINK)
            theirs = await door.met.get()
            assert (theirs.peer, theirs.port) == (ALICE.public_key, MeshPort.LINK)
            await exchanged(ours.socket, theirs.socket)
            ours.close()
            theirs.close()


async def test_many_come_at_once_each_on_its_own() -> None:
    door = Door()
    async with messenger() as (_, where), client(BOB, [where], {45: door}), client(ALICE, []) as alice:

        async def once() -> Session:
            return await dial_over(await alice.dial(B, [where]), ALICE, B, 45)

        async with asyncio.TaskGroup() as tasks:
            dialling = [tasks.create_task(once()) for _ in range(12)]
        for done in dialling:
            done.result().close()
            (await door.met.get()).close()


async def test_one_that_nobody_reads_does_not_hold_up_another() -> None:
    loop = asyncio.get_running_loop()
    door = Door()
    async with (
        messenger() as (_, where),
        client(BOB, [where], {45: door}),
        client(ALICE, [where]) as alice,
    ):
        stalled, live = [await dial_over(await alice.dial(B), ALICE, B, 45) for _ in range(2)]
        first, second = await door.met.get(), await door.met.get()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await loop.sock_sendall(stalled.socket, bytes(16 << 20))
        await exchanged(live.socket, second.socket)
        for each in (stalled, live, first, second):
            each.close()


async def test_presence_is_kept_with_two_and_a_lost_one_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    third = Messenger(OTHER)
    async with messenger() as (_, first), messenger() as (_, second), serving(third, OTHER) as spare:
        dead = Where(CAROL.public_key, ("127.0.0.1", 1))
        async with client(ALICE, [dead, first, second, spare]) as alice:
            await until(lambda: len(alice.present) == 2)
            assert dead not in alice.present
            alice.present[next(iter(alice.present))].end("cut")
            await until(lambda: spare in alice.present and len(alice.present) == 2)
            alice.use([spare])
            await until(lambda: list(alice.present) == [spare])
    assert "lost messenger=" in caplog.text


async def test_a_frozen_messenger_is_left_for_another() -> None:
    async with messenger() as (_, where):
        with bind("127.0.0.1", 0) as listener:  # takes connections and says nothing
            frozen = Where(CAROL.public_key, listener.getsockname())
            pace = Pace(ping_s=0.01, answer_s=0.05, dial_s=0.05)
            async with client(BOB, [where]), client(ALICE, [frozen, where], pace=pace, keep=1) as alice:
                assert list(alice.present) == [where]
                with pytest.raises(TimedOut):
                    await alice.dial(B, [frozen])
                (await alice.dial(B, [frozen, where], deadline_s=2.0)).close()


async def test_one_that_stops_to_answer_is_left() -> None:
    async def hangs(visitor: Visitor) -> None:
        session = await visitor.accept()
        with session.socket:
            await asyncio.Event().wait()

    listener = bind("127.0.0.1", 0)
    hung = Where(CAROL.public_key, listener.getsockname())
    async with messenger() as (_, where), asyncio.TaskGroup() as tasks:
        serving_hung = tasks.create_task(Doors(listener, CAROL, {MeshPort.PRESENCE: hangs}).serve())
        async with client(ALICE, [hung, where], keep=1) as alice:
            await until(lambda: list(alice.present) == [where])
        serving_hung.cancel()


async def test_who_knows_no_messenger_reaches_nobody() -> None:
    async with client(ALICE, []) as alice:
        with pytest.raises(Unreachable, match="no messenger is known"):
            await alice.dial(B)


async def test_the_last_messenger_says_why() -> None:
    async with messenger() as (_, where), client(ALICE, [where]) as alice:
        with pytest.raises(Refused, match="absent"):
            await alice.dial(B, [Where(CAROL.public_key, ("127.0.0.1", 1)), where])


async def test_a_key_that_the_messenger_made_up_is_noticed() -> None:
    async with messenger() as (_, where), client(BOB, [where]), client(ALICE, [where]) as alice:
        with pytest.raises((PeerError, Gone)):
            await dial_over(await alice.dial(B), ALICE, CAROL.public_key, 45)


async def test_another_program_with_our_identity_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with messenger() as (it, where), client(ALICE, [where], keep=1) as first:
        (channel,) = first.present.values()
        (await dial(where.address, ALICE, CAROL.public_key, MeshPort.PRESENCE)).close()
        await channel.ended.wait()
        await until(lambda: first.present)
        assert it.presences.here() == (ALICE.public_key,)
    assert "another program uses this identity too" in caplog.text


@pytest.mark.parametrize("bound", ["MAX_INCOMING", "MAX_SERVED"])
async def test_more_than_can_be_answered_are_refused(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, bound, 0)
    async with messenger() as (_, where), client(BOB, [where]), client(ALICE, [where]) as alice:
        with pytest.raises(Refused, match=r"no-answer: .*busy: connections that"):
            await alice.dial(B)


async def test_a_fault_behind_a_door_stays_there(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: Visitor) -> None:
        raise ZeroDivisionError

    async with messenger() as (_, where), client(BOB, [where], {45: broken}) as bob:
        async with client(ALICE, [where]) as alice:
            with pytest.raises(Gone):
                await dial_over(await alice.dial(B), ALICE, B, 45)
            with pytest.raises(Refused, match="no-such-port"):
                await dial_over(await alice.dial(B), ALICE, B, 46)
        assert bob.present
    assert "a visit failed" in caplog.text


async def test_a_caller_that_leaves_comes_to_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with messenger() as (_, where), client(BOB, [where]), client(ALICE, [where]) as alice:
        (await alice.dial(B)).close()
        await until(lambda: "came to nothing" in caplog.text)


async def test_a_messenger_that_says_more_than_its_answer_is_left() -> None:
    async def talks(visitor: Visitor) -> None:
        session = await visitor.accept()
        with session.socket as sock:
            sock.send(b"more")

    listener = bind("127.0.0.1", 0)
    where = Where(CAROL.public_key, listener.getsockname())
    async with asyncio.TaskGroup() as tasks, client(ALICE, []) as alice:
        talking = tasks.create_task(Doors(listener, CAROL, {MeshPort.RELAY: talks}).serve())
        try:
            sock = await alice.dial(B, [where])
        except Gone:
            pass
        else:
            sock.close()  # it came in a piece of its own: the handshake inside fails then
        talking.cancel()
