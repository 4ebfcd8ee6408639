"""Messages keep their bounds on a stream; what is no message ends it; a lost connection is told again."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from components.mesh.errors import RemoteError, WireError
from components.visor.pipe import line as module
from components.visor.pipe.frame import PAYLOAD_MAX, Packet, Type, of_json
from components.visor.pipe.line import Key, Line, Outgoing
from components.visor.sdk.stream import Stream
from signal_bus.ids import PublicKey
from tests.support.silent_visor import SilentVisor

PK = "02" + "ab" * 32


class FakeWire:
    """Notes; fails Sends as often as told."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.closes = 0
        self.failing = 0
        self.words = "no listeners"
        self.answers: list[tuple[int, str]] = []
        self.changed = asyncio.Event()

    async def ask(self, type: Type, body: bytes, **_: Any) -> bytes:  # Any: a deadline
        self.changed.set()
        if type == Type.CLOSE:
            self.closes += 1
            if self.words == "broken":
                raise RemoteError("failed", "broken")
            return b"null"
        if self.failing:
            self.failing -= 1
            raise RemoteError("failed", self.words)
        self.got.append(of_json(body, Packet).payload)
        return b"null"

    def succeed(self, id: int) -> None:
        self.answers.append((id, ""))

    def fail(self, id: int, why: str) -> None:
        self.answers.append((id, why))


class Made:
    def __init__(self) -> None:
        self.peer, ours = socket.socketpair()
        self.peer.setblocking(False)
        self.wire = FakeWire()
        self.confirmed = 0
        self.stream = Stream(SilentVisor(), ours, id=0, peer=PublicKey(bytes(32)), port=1, rport=2)

    def line(self, *, raw: bool = False, dialled: bool = False) -> Line:
        confirm = None if dialled else self.confirm
        return Line(self.wire, self.stream, Key(1, PK, 2), raw=raw, confirm=confirm)  # type: ignore[arg-type]

    async def confirm(self) -> None:
        self.confirmed += 1


@pytest.fixture
async def made(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Made]:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    one = Made()
    async with asyncio.timeout(10):
        yield one
    one.peer.close()
    one.stream.close()


async def test_each_message_is_a_send_and_the_end_a_close(made: Made) -> None:
    made.peer.send(b"\0\3abc\0\0\0\1d")
    made.peer.shutdown(socket.SHUT_WR)
    await made.line().run()
    assert made.wire.got == [b"abc", b"", b"d"]
    assert made.wire.closes == 1


async def test_each_send_is_a_message_and_is_answered_when_taken(made: Made) -> None:
    line = made.line()
    line.send(Outgoing(5, b"abc"))
    line.send(Outgoing(6, b""))
    line.close()
    line.close()
    await line.run()
    assert made.peer.recv(100) == b"\0\3abc\0\0"
    assert made.wire.answers == [(5, ""), (6, "")]
    assert made.wire.closes == 0


async def test_raw_streams_have_no_bounds(made: Made) -> None:
    made.peer.send(b"bytes")
    made.peer.shutdown(socket.SHUT_WR)
    line = made.line(raw=True)
    line.send(Outgoing(1, b"out"))
    await line.run()
    assert made.peer.recv(100) == b"out"
    assert made.wire.got == [b"bytes"]


async def test_a_connection_the_app_lost_is_told_again(made: Made) -> None:
    made.wire.failing = 3
    made.peer.send(b"\0\1x")
    made.peer.shutdown(socket.SHUT_WR)
    await made.line().run()
    assert (made.wire.got, made.confirmed) == ([b"x"], 3)


async def test_not_for_ever(made: Made) -> None:
    made.wire.failing = 10_000
    made.peer.send(b"\0\1x")
    await made.line().run()
    assert made.confirmed == module.AGAIN_MAX
    assert made.wire.closes == 1


@pytest.mark.parametrize("words", ["no listeners", "broken"])
async def test_other_failures_end_the_connection(made: Made, words: str) -> None:
    made.wire.failing, made.wire.words = 1, words
    made.peer.send(b"\0\1x")
    await made.line(dialled=True).run()
    assert (made.wire.got, made.wire.closes) == ([], 1)


@pytest.mark.parametrize("said", [(PAYLOAD_MAX + 1).to_bytes(2, "big"), b"\0", b"\0\5abc"])
async def test_what_is_no_message_ends_the_connection(made: Made, said: bytes) -> None:
    made.peer.send(said)
    made.peer.shutdown(socket.SHUT_WR)
    await made.line().run()
    assert (made.wire.got, made.wire.closes) == ([], 1)


async def test_a_send_to_nobody_is_a_failure(made: Made) -> None:
    made.peer.close()
    line = made.line(dialled=True)
    for id in (1, 2):
        line.send(Outgoing(id, b"x"))
    line.close()
    await line.run()
    assert [id for id, why in made.wire.answers if why] == [1, 2]


async def test_what_comes_after_the_end_is_failed(made: Made) -> None:
    line = made.line()
    line.close()
    line.send(Outgoing(9, b"x"))
    await line.run()
    assert made.wire.answers == [(9, "the connection is closed")]


async def test_an_app_that_sends_beyond_its_ids_is_refused_and_can_still_close(made: Made) -> None:
    line = made.line()
    for id in range(module.SENDS_MAX):
        line.send(Outgoing(id, b""))
    with pytest.raises(WireError, match="more than 256 Sends"):
        line.send(Outgoing(0, b""))
    line.close()
    await line.run()
    assert len(made.wire.answers) == module.SENDS_MAX
