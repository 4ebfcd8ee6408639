"""The exit's end of streams, on a host of its own, with a stream that is a socketpair."""

import asyncio
import socket
from typing import Any, cast

import pytest

from components.visor.app import Stream
from plugins.vpn import serving
from plugins.vpn.pool import Pool
from plugins.vpn.serving import NOT_WELCOME, Exit
from plugins.vpn.wire import HEAD, Hello, Kind, Lease, Refused, frame, said, split_head, understood
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey
from tests.support.vpn import namespace

KEY = Identity(draw()).public_key


class Pair:
    """What `Exit.serve` uses of a stream, and the client's end of it."""

    def __init__(self, peer: PublicKey = KEY) -> None:
        self.peer = peer
        self.ours, self.client = socket.socketpair()
        self.aborted: int | None = None
        for sock in (self.ours, self.client):
            sock.setblocking(False)

    async def __aenter__(self) -> "Pair":
        return self

    async def __aexit__(self, *what: object) -> None:
        return None

    async def abort(self, code: int) -> None:
        self.aborted = code

    async def readexactly(self, size: int) -> bytes:
        return await exactly(self.ours, size)

    def write(self, data: bytes) -> None:
        self.ours.send(data)

    async def drain(self) -> None:
        return None

    def detach(self) -> tuple[socket.socket, bytes]:
        return self.ours, b""

    def close(self) -> None:
        self.ours.close()
        self.client.close()


async def exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(10):
        while len(data) < size:
            more = await asyncio.get_running_loop().sock_recv(sock, size - len(data))
            if not more:
                raise asyncio.IncompleteReadError(data, size)
            data += more
    return data


async def told(pair: Pair) -> tuple[Kind, bytes]:
    kind, size = split_head(await exactly(pair.client, HEAD))
    return kind, await exactly(pair.client, size)


def made(**changed: Any) -> Exit:
    words: dict[str, Any] = {"allow": frozenset(), "abilities": (True, False), "mtu": 1400, "resolvers": ()}
    return Exit(Pool(), **{**words, **changed})


async def serve(exit_: Exit, pair: Pair) -> None:
    await exit_.serve(cast(Stream, pair))


async def test_a_client_has_a_lease_a_device_and_is_counted() -> None:
    with namespace() as host:
        exit_, pair = made(), Pair()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(serve(exit_, pair))
            pair.client.send(said(Hello(uso=True)))
            kind, body = await told(pair)
            lease = understood(body, Lease)
            assert (kind, lease.whole, lease.uso) == (Kind.LEASE, True, False)
            (row,) = exit_.figures()["clients"]
            assert (row["peer"], row["ipv4"], row["device"]) == (KEY.hex(), lease.ipv4, "vexit0")
            assert "vexit0" in host.run("ip", "link")
            pair.client.close()
            await running
        assert exit_.figures()["clients"] == []
        assert "vexit0" not in host.run("ip", "link")
        pair.close()


async def test_a_client_that_comes_again_and_again_takes_its_own_place() -> None:
    with namespace() as host:
        exit_, pairs = made(), [Pair() for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(exit_, pairs[0]))
            pairs[0].client.send(said(Hello()))
            old = understood((await told(pairs[0]))[1], Lease)
            for pair in pairs[1:]:  # all at once: the last one stays
                pair.client.send(said(Hello()))
                group.create_task(serve(exit_, pair))
            assert understood((await told(pairs[-1]))[1], Lease) == old
            assert len(exit_.figures()["clients"]) == 1
            assert host.run("ip", "-o", "link").count("vexit") == 1
            assert exit_._pool.take(KEY) == int(old.ipv4.rpartition(".")[2])
            pairs[-1].client.close()
        assert exit_.figures()["clients"] == []
        assert exit_._pool._numbers == {}
        for pair in pairs:
            pair.close()


async def test_a_question_without_a_resolver_is_answered_so() -> None:
    question = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x01a\x00\x00\x01\x00\x01"
    with namespace():
        exit_, pair = made(), Pair()
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(exit_, pair))
            pair.client.send(said(Hello()) + frame(Kind.QUESTION, b"\0\0\0\x07\0" + question))
            kinds = {}
            while Kind.ANSWER not in kinds:
                kind, body = await told(pair)
                kinds[kind] = body
            assert kinds[Kind.ANSWER][:5] == b"\0\0\0\x07\0"
            assert kinds[Kind.ANSWER][8] & 15 == 2
            pair.client.close()
        pair.close()


async def test_who_is_not_on_the_list_is_not_even_read() -> None:
    exit_, pair = made(allow=frozenset({bytes(32)})), Pair()
    await serve(exit_, pair)
    assert pair.aborted == NOT_WELCOME
    assert exit_.figures()["refused"] == 1
    pair.close()


@pytest.mark.parametrize("words", [said(Hello(version=2)), said(Hello())])
async def test_who_cannot_be_served_is_told_why(words: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CLIENTS_MOST", 0)
    exit_, pair = made(), Pair()
    pair.client.send(words)
    await serve(exit_, pair)
    kind, body = await told(pair)
    assert kind is Kind.REFUSED
    assert understood(body, Refused).why in (
        "this exit speaks version 1, you 2",
        "0 clients are served already",
    )
    pair.close()


async def test_what_is_no_hello_ends_the_stream_only(monkeypatch: pytest.MonkeyPatch) -> None:
    exit_ = made()
    for words in (frame(Kind.PING, bytes(8)), b"\x09\0\0\0", frame(Kind.HELLO, b"x"), b"\0"):
        pair = Pair()
        pair.client.send(words)
        pair.client.shutdown(socket.SHUT_WR)
        await serve(exit_, pair)
        pair.close()

    async def broken(stream: Stream) -> tuple[Kind, bytes]:
        raise ZeroDivisionError

    monkeypatch.setattr(serving, "first_frame", broken)
    pair = Pair()
    await serve(exit_, pair)
    pair.close()
