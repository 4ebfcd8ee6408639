"""A conversation on a socket: whole, slow, broken off, with a stranger."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.rosters import host
from viscript.cluster.pairing.frames import frame
from viscript.cluster.peering import channel
from viscript.cluster.peering.channel import Asking, answer
from viscript.cluster.peering.sealed import BadChannel
from viscript.cluster.peering.terms import Answer, BadTerms, Question, Reply, Row, Terms

A, B = host(1), host(2)
MINE, THEIRS = Terms(label="a", version=1), Terms(label="b", version=2)


@asynccontextmanager
async def sockets() -> AsyncIterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    with near, far:
        yield near, far


class Other:
    """The side that is spoken to."""

    def __init__(self, reply: Reply | None = None, key: Identity = B) -> None:
        self.key = key
        self.proved: list[PublicKey] = []
        self.heard: list[Question] = []
        self.held = asyncio.Event()
        self._reply = reply

    async def reply(self, key: PublicKey, question: Question) -> Reply:
        self.heard.append(question)
        if self._reply is None:
            await self.held.wait()
        return self._reply or Reply(terms=THEIRS)

    async def serve(self, sock: socket.socket) -> None:
        await answer(sock, self.key, self.reply, proved=self.proved.append)


async def test_a_question_and_its_reply() -> None:
    big = Answer(rows=(Row(host="m1", status="ok", code=0, out="x" * 500_000),))
    other = Other(Reply(terms=THEIRS, answer=big))
    async with sockets() as (near, far), asyncio.TaskGroup() as group:
        group.create_task(other.serve(far))
        asking = Asking(near, A, B.public_key)
        await asking.shake(5)
        assert await asking.say(Question(terms=MINE), 5) == Reply(terms=THEIRS, answer=big)
    assert other.proved == [A.public_key]
    assert other.heard == [Question(terms=MINE)]


async def test_who_has_another_key_is_told_nothing() -> None:
    other = Other(key=host(3))
    async with sockets() as (near, far), asyncio.TaskGroup() as group:

        async def serve() -> None:
            with pytest.raises(BadChannel):
                await other.serve(far)
            far.close()

        group.create_task(serve())
        with pytest.raises(ConnectionResetError):
            await Asking(near, A, B.public_key).shake(5)
    assert not other.heard
    assert not other.proved


async def test_what_is_being_done_is_given_up_when_the_asker_leaves() -> None:
    other = Other()
    async with sockets() as (near, far), asyncio.TaskGroup() as group:

        async def serve() -> None:
            with pytest.raises(ConnectionResetError):
                await other.serve(far)

        group.create_task(serve())
        asking = Asking(near, A, B.public_key)
        await asking.shake(5)
        with pytest.raises(TimeoutError):
            await asking.say(Question(terms=MINE), 0.1)
        near.close()
    assert len(other.heard) == 1


async def test_a_silent_side_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "SHAKE_S", 0.05)
    async with sockets() as (near, far):
        with pytest.raises(TimeoutError):
            await Asking(near, A, B.public_key).shake(0.05)
        with pytest.raises((TimeoutError, BadChannel)):
            await Other().serve(far)


async def test_a_stranger_may_not_send_much() -> None:
    async with sockets() as (near, far):
        near.send(frame(bytes(300)))
        with pytest.raises(BadChannel, match="are allowed here"):
            await Other().serve(far)


async def test_nonsense_behind_the_handshake_is_refused() -> None:
    other = Other(Reply(terms=THEIRS))
    async with sockets() as (near, far), asyncio.TaskGroup() as group:

        async def serve() -> None:
            with pytest.raises(BadTerms):
                await other.serve(far)
            far.close()

        group.create_task(serve())
        asking = Asking(near, A, B.public_key)
        await asking.shake(5)
        assert asking._sealed is not None
        near.send(asking._sealed.seal(b"\xc1"))
        with pytest.raises(ConnectionResetError):
            await asking._line.frame()
    assert other.heard == []


async def test_a_lost_socket_ends_the_wait_for_its_end() -> None:
    async with sockets() as (near, far):
        near.close()
        far.shutdown(socket.SHUT_RDWR)
        with pytest.raises(ConnectionResetError):
            await channel._Line(far).unless_it_ends(asyncio.sleep(30))  # type: ignore[arg-type]  # never done
