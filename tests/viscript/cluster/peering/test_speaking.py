"""One question, by the first way at whose end the cluster proves to be."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from tests.support.rosters import host
from viscript.cluster.pairing.bymesh import NoMesh
from viscript.cluster.pairing.frames import frame
from viscript.cluster.peering.channel import answer
from viscript.cluster.peering.sealed import BadChannel
from viscript.cluster.peering.speaking import converse
from viscript.cluster.peering.standing import Peering
from viscript.cluster.peering.terms import BadTerms, Question, Reply, Terms
from viscript.cluster.peering.ways import NoWay, Ways

A, B, EVE = host(1), host(2), host(3)
TERMS = Terms(label="x", version=1)
Serve = Callable[[socket.socket], Awaitable[None]]


class Paths(NoMesh):
    """Visors stand for unix sockets, in their order."""

    visor = bytes(32)

    def __init__(self, *paths: str) -> None:
        self._paths = paths

    async def find(self, key: PublicKey) -> list[bytes]:
        return [bytes([number]) * 32 for number in range(len(self._paths))]

    @asynccontextmanager
    async def way(self, visor: bytes, name: str, stem: str = "") -> AsyncIterator[str]:
        yield self._paths[visor[0]]


@asynccontextmanager
async def listening(path: Path, serve: Serve) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.setblocking(False)
        listener.bind(str(path))
        listener.listen()

        async def once() -> None:
            sock, _ = await loop.sock_accept(listener)
            sock.setblocking(False)
            with sock:
                await serve(sock)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(once())
            yield str(path)
            task.cancel()


def holder(key: Identity) -> Serve:
    async def reply(of: PublicKey, question: Question) -> Reply:
        return Reply(terms=question.terms)

    async def serve(sock: socket.socket) -> None:
        try:
            await answer(sock, key, reply, proved=lambda key: None)
        except (BadChannel, OSError):
            return

    return serve


async def ask(*paths: str) -> Reply:
    mesh = Paths(*paths)
    ways = Ways(lambda: mesh, mesh.find)
    return await converse(ways, A, Peering(key=B.public_key), Question(terms=TERMS), 5.0)


async def test_who_claims_the_key_and_does_not_have_it_is_passed_over(short_tmp: Path) -> None:
    async with (
        listening(short_tmp / "eve", holder(EVE)) as eve,
        listening(short_tmp / "bob", holder(B)) as bob,
    ):
        assert (await ask("/nowhere", eve, bob)).terms == TERMS


async def test_when_no_way_leads_there_each_is_told(short_tmp: Path) -> None:
    async with listening(short_tmp / "eve", holder(EVE)) as eve:
        with pytest.raises(NoWay, match=r"No such file.*hung up"):
            await ask("/nowhere", eve)
    with pytest.raises(NoWay, match="does not know where it is"):
        await ask()


async def test_what_was_asked_is_not_asked_by_another_way_too(short_tmp: Path) -> None:
    heard: list[int] = []

    async def dies(sock: socket.socket) -> None:
        async def reply(of: PublicKey, question: Question) -> Reply:
            heard.append(1)
            sock.shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError

        with pytest.raises((ExceptionGroup, OSError)):
            await answer(sock, B, reply, proved=lambda key: None)

    async with listening(short_tmp / "one", dies) as one, listening(short_tmp / "two", holder(B)) as two:
        with pytest.raises(OSError, match="hung up"):
            await ask(one, two)
    assert heard == [1]


async def test_an_answer_that_is_none_is_said(short_tmp: Path) -> None:
    async def nonsense(sock: socket.socket) -> None:
        async def reply(of: PublicKey, question: Question) -> Reply:
            await asyncio.get_running_loop().sock_sendall(sock, frame(bytes(40)))
            await asyncio.sleep(30)
            raise AssertionError

        try:
            await answer(sock, B, reply, proved=lambda key: None)
        except OSError:
            return

    async with listening(short_tmp / "one", nonsense) as one:
        with pytest.raises(BadTerms, match="changed on its way"):
            await ask(one)


async def test_without_a_way_at_all_it_is_said_what_to_do() -> None:
    with pytest.raises(NoWay, match="--at"):
        await converse(Ways(), A, Peering(key=B.public_key), Question(terms=TERMS), 5.0)
