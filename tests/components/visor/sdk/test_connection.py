"""Questions and answers with a visor that is played by the test."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import psutil
import pytest

from components.visor.apps import codec
from components.visor.apps.channel import Channel
from components.visor.apps.messages import (
    Describe,
    Description,
    Dial,
    Done,
    FromApp,
    Listen,
    Reset,
)
from components.visor.sdk.connection import Connection, Told
from components.visor.sdk.errors import NoAnswer, VisorGone

KEY = bytes(32)


class Visor:
    """Notes what is asked; the test answers."""

    def __init__(self, sock: socket.socket) -> None:
        self.asked: asyncio.Queue[FromApp] = asyncio.Queue(99)
        self.channel: Channel[FromApp] = Channel(
            asyncio.get_running_loop(),
            sock,
            codec.of_app,
            lambda m, _: self.asked.put_nowait(m),
            lambda _: None,
        )


@pytest.fixture
async def both() -> AsyncIterator[tuple[Connection, Visor, list[str]]]:
    before = psutil.Process().num_fds()
    ours, theirs = socket.socketpair()
    gone: list[str] = []

    def nothing(*_: Any) -> None:  # Any: whatever is told
        raise AssertionError

    connection = Connection(ours, Told(nothing, nothing, nothing, gone.append))
    visor = Visor(theirs)
    async with asyncio.timeout(10):
        yield connection, visor, gone
    connection.close()
    visor.channel.close()
    assert psutil.Process().num_fds() == before


Both = tuple[Connection, Visor, list[str]]


async def fails(call: Awaitable[object], match: str) -> None:
    with pytest.raises(VisorGone, match=match):
        await call


async def test_no_answer_in_time_is_said(both: Both) -> None:
    connection, _, _ = both
    with pytest.raises(NoAnswer, match="did not answer"):
        await connection.ask(Describe(1), Description, deadline_s=0.01)


async def test_an_answer_of_another_kind_is_not_taken(both: Both) -> None:
    connection, visor, _ = both
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(connection.ask(Describe(1), Description), "answered with done"))
        await visor.asked.get()
        visor.channel.send(Done(1))


async def test_a_stream_that_nobody_waits_for_is_broken_off(both: Both) -> None:
    _, visor, _ = both
    ours, theirs = socket.socketpair()
    visor.channel.send(Done(9, stream=5, fd=True), theirs)
    reset = await visor.asked.get()
    assert isinstance(reset, Reset)
    assert reset.stream == 5
    assert ours.recv(1) == b""
    ours.close()


async def test_the_end_of_the_visor_ends_all_questions(both: Both) -> None:
    connection, visor, gone = both
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(connection.ask(Listen(1, 7), Done), "the connection was closed"))
        await visor.asked.get()
        visor.channel.close()
    assert gone == ["the connection was closed"]
    with pytest.raises(VisorGone):
        await connection.ask(Dial(2, KEY, 7), Done)
    assert not connection.drain()
