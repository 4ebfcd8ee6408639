import asyncio
import socket
from collections.abc import Awaitable

import msgspec
import pytest

from components.mesh import payloads, session
from components.mesh.doors import bind
from components.mesh.errors import Gone, PeerError, Refused, TagError, TimedOut, Unreachable
from components.mesh.handshake import Dialler
from components.mesh.ports import MeshPort
from components.mesh.session import Session, connect, dial, dial_over, hear, prepare
from tests.support.mesh import ALICE, BOB, CAROL, sockets


class Hello(msgspec.Struct, frozen=True):
    text: str


async def meet(dialled: Awaitable[Session], heard: Awaitable[session.Visitor]) -> tuple[Session, Session]:
    """Run both sides; the responder takes whoever comes."""

    async def accept() -> Session:
        return await (await heard).accept(Hello("welcome"))

    async def wait() -> Session:
        return await dialled

    async with asyncio.TaskGroup() as tasks:
        ours, theirs = tasks.create_task(wait()), tasks.create_task(accept())
    return ours.result(), theirs.result()


async def test_two_sockets_become_a_session() -> None:
    with sockets() as (one, two):
        ours, theirs = await meet(
            dial_over(one, ALICE, BOB.public_key, MeshPort.LINK, Hello("hi")), hear(two, BOB)
        )
        assert (ours.peer, theirs.peer) == (BOB.public_key, ALICE.public_key)
        assert ours.port == theirs.port == 45
        assert payloads.decode(ours.secured.body, Hello) == Hello("welcome")
        assert payloads.decode(theirs.secured.args, Hello) == Hello("hi")
        one.send(ours.sealer.record(b"plain"))
        out = bytearray(5)
        theirs.opener.open(memoryview(two.recv(100)), memoryview(out))
        assert out == b"plain"
        assert theirs.leftover == b""
        ours.close()
        assert two.recv(1) == b""


async def test_a_session_is_dialled_over_tcp() -> None:
    with bind("127.0.0.1", 0) as listener:
        address = listener.getsockname()

        async def heard() -> session.Visitor:
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
            return await hear(sock, BOB)

        ours, theirs = await meet(dial(address, ALICE, BOB.public_key, 36), heard())
        assert ours.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not ours.socket.getblocking()
        ours.close()
        theirs.close()


async def test_a_refusal_reaches_the_dialler_and_ends_both_sockets() -> None:
    with sockets() as (one, two):

        async def refuse() -> None:
            await (await hear(two, BOB)).refuse("not-allowed", "by nobody")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(refuse())
            with pytest.raises(Refused, match="by nobody"):
                await dial_over(one, ALICE, BOB.public_key, 45)
        assert one.fileno() == two.fileno() == -1


async def test_a_visitor_may_be_left_without_a_word() -> None:
    with sockets() as (one, two):

        async def leave() -> None:
            visitor = await hear(two, BOB)
            visitor.close()
            visitor.close()
            with pytest.raises(Gone, match="was closed"):
                await visitor.accept()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(leave())
            with pytest.raises(Gone, match="closed the connection"):
                await dial_over(one, ALICE, BOB.public_key, 45)


async def test_a_silent_peer_costs_one_deadline() -> None:
    with sockets() as (one, two):
        with pytest.raises(TimedOut, match=r"handshake within 0\.02 s"):
            await dial_over(one, ALICE, BOB.public_key, 45, deadline_s=0.02)
        assert one.fileno() == -1
        with pytest.raises(PeerError):  # what Alice said first is there, and then nothing
            await hear(two, CAROL, deadline_s=0.02)


async def test_a_slow_speaker_does_not_get_a_new_deadline_with_each_byte() -> None:
    with sockets() as (one, two):
        hello = Dialler(ALICE, BOB.public_key, 45).start()

        async def drip() -> None:
            for byte in hello:
                one.send(bytes([byte]))
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as tasks:
            dripping = tasks.create_task(drip())
            with pytest.raises(TimedOut):
                await hear(two, BOB, deadline_s=0.05)
            dripping.cancel()


async def test_reaching_another_than_dialled_fails_on_both_sides() -> None:
    with sockets() as (one, two):

        async def heard() -> None:
            with pytest.raises(TagError):
                await hear(two, CAROL)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(heard())
            with pytest.raises(Gone):
                await dial_over(one, ALICE, BOB.public_key, 45)


async def test_a_broken_connection_is_gone() -> None:
    with sockets() as (one, two):
        two.close()
        with pytest.raises(Gone, match="broke"):
            await dial_over(one, ALICE, BOB.public_key, 45)
    with sockets() as (one, two):
        one.close()
        with pytest.raises(Gone, match="closed"):
            await hear(two, BOB)


async def test_an_answer_to_one_who_left_is_gone() -> None:
    with sockets() as (one, two):

        async def heard() -> session.Visitor:
            return await hear(two, BOB)

        async with asyncio.TaskGroup() as tasks:
            visitor = tasks.create_task(heard())
            dialling = tasks.create_task(dial_over(one, ALICE, BOB.public_key, 45))
            await asyncio.wait([visitor])
            dialling.cancel()
            await asyncio.wait([dialling])
        assert one.fileno() == -1
        with pytest.raises(Gone, match="broke"):
            await visitor.result().refuse("late")
        assert two.fileno() == -1


async def test_nobody_there_is_known_at_once() -> None:
    with bind("127.0.0.1", 0) as listener:
        address = listener.getsockname()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:\d+: ") as caught:
        await dial(address, ALICE, BOB.public_key, 45)
    assert "refused" in caught.value.why.lower()


async def test_a_name_that_is_none_is_unreachable() -> None:
    for name in ("a..b", "x" * 300):
        with pytest.raises(Unreachable):
            await connect((name, 1))


async def test_each_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with bind("127.0.0.1", 0) as listener, bind("127.0.0.1", 0) as dead:
        closed, address = dead.getsockname(), listener.getsockname()
        dead.close()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", target) for target in (closed, address)]

        async def resolve(*_: object, **__: object) -> list[object]:
            return list(found)

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        with await connect(("two.example", 1)) as sock:
            assert sock.getpeername() == address
        found.clear()
        with pytest.raises(Unreachable, match="no address"):
            await connect(("none.example", 1))


async def test_connecting_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    with pytest.raises(TimedOut, match=r"connecting to 127\.0\.0\.1:9"):
        await connect(("127.0.0.1", 9), deadline_s=0.01)


def test_a_prepared_socket_does_not_block() -> None:
    with sockets() as (one, _), socket.socket() as tcp:
        for sock in (one, tcp):
            sock.setblocking(True)
            prepare(sock)
            assert not sock.getblocking()
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_tcp_connection_asks_whether_the_peer_is_still_there() -> None:
    with socket.socket() as sock:
        prepare(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.gettimeout() == 0.0
