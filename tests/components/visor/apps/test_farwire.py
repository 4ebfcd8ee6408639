"""The control connection of a remote app: messages both ways, and what ends it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from components.mesh import payloads
from components.mesh.session import Session
from components.visor.apps import codec, farwire
from components.visor.apps.farwire import FarWire, Said
from components.visor.apps.limits import MAX_OWED
from components.visor.apps.messages import Describe, FromApp, Hello
from tests.support.far_pair import sessions


class Made:
    def __init__(self, near: Session, far: Session) -> None:
        self.near = near
        self.got: list[tuple[FromApp, bytes]] = []
        self.came = asyncio.Event()
        self.wire: FarWire[FromApp] = FarWire(far, codec.of_app, self.take)

    def take(self, message: FromApp, token: bytes) -> None:
        self.got.append((message, token))
        self.came.set()

    async def send(self, plain: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self.near.socket, self.near.sealer.record(plain))


@pytest.fixture
async def made() -> AsyncIterator[Made]:
    async with asyncio.timeout(10), sessions() as (near, far):
        yield Made(near, far)


async def test_messages_go_with_their_tokens(made: Made) -> None:
    other: FarWire[FromApp] = FarWire(made.near, codec.of_app, made.take)
    other.say(Hello(1, "far", 1))
    other.say(Describe(2), b"t" * 16)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(other.run())
        running = tasks.create_task(made.wire.run())
        while len(made.got) < 2:
            made.came.clear()
            await made.came.wait()
        other.end("that was all")
    assert made.got == [(Hello(1, "far", 1), b""), (Describe(2), b"t" * 16)]
    assert running.result() == "the connection was closed"
    assert other.why == "that was all"


@pytest.mark.parametrize(
    "plain", [b"x", payloads.encode(Said(payloads.EMPTY)), payloads.encode(Said(payloads.EMPTY, b"t" * 17))]
)
async def test_what_is_no_message_ends_it(made: Made, plain: bytes) -> None:
    await made.send(plain)
    assert "broke the rules" in await made.wire.run()


async def test_a_reset_ends_it(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(said: object) -> None:
        raise ConnectionResetError(104, "")

    monkeypatch.setattr(made.wire, "_hear", broken)
    await made.send(b"x")
    monkeypatch.setattr(payloads, "decode", lambda *_: None)
    assert "the connection broke" in await made.wire.run()


async def test_a_peer_that_reads_nothing_is_left(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farwire, "SEND_S", 0.05)
    for number in range(MAX_OWED + 1):
        made.wire.say(Hello(number, "x" * 64, 1))
    assert made.wire.why == "the other side reads nothing"
    await made.wire.run()


async def test_a_write_that_takes_too_long_ends_it(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farwire, "SEND_S", 0.05)
    for number in range(MAX_OWED):
        made.wire.say(Hello(number, "x" * 64, 1))
    monkeypatch.setattr(made.wire._session.sealer, "record", lambda _: bytes(10_000_000))
    assert made.wire.why == ""
    assert "nothing can be sent" in await made.wire.run()
