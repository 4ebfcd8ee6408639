"""A stream's bytes as records: ends of their own, breaks that are no ends."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest

from components.mesh.session import Session
from components.visor.apps.farstream import Ends, carry
from tests.support.far_pair import sessions


class Side:
    """One end: what the app has, and what was told."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.app, self.ours = socket.socketpair()
        self.app.setblocking(False)
        self.code: int | None = None
        self.broke: list[int] = []

    async def carry(self) -> None:
        async def broke(code: int) -> None:
            self.broke.append(code)

        await carry(self.session, self.ours, Ends(lambda: self.code, broke))

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.app, data)

    async def all(self) -> bytes:
        got = b""
        while part := await asyncio.get_running_loop().sock_recv(self.app, 1 << 16):
            got += part
        return got


@pytest.fixture
async def sides() -> AsyncIterator[tuple[Side, Side]]:
    async with asyncio.timeout(10), sessions() as (near, far):
        made = Side(near), Side(far)
        yield made
        for side in made:
            side.app.close()
            side.ours.close()


async def test_each_direction_ends_by_itself(sides: tuple[Side, Side]) -> None:
    near, far = sides
    data = os.urandom(300_000)
    async with asyncio.TaskGroup() as tasks:
        for side in sides:
            tasks.create_task(side.carry())
        reading = tasks.create_task(far.all())
        await near.send(data)
        near.app.shutdown(socket.SHUT_WR)
        assert await reading == data
        await far.send(b"answer")
        far.app.shutdown(socket.SHUT_WR)
        assert await near.all() == b"answer"
    assert near.broke == far.broke == []


async def test_a_break_is_told_with_its_code(sides: tuple[Side, Side]) -> None:
    near, far = sides
    far.code = 300
    async with asyncio.TaskGroup() as tasks:
        for side in sides:
            tasks.create_task(side.carry())
        far.app.close()
        await near.all()
    assert near.broke[0] == 300
    assert far.broke[0] == 300


async def test_a_connection_that_goes_is_a_break(sides: tuple[Side, Side]) -> None:
    near, far = sides
    far.session.close()
    await near.carry()
    assert near.broke[0] == 6


@pytest.mark.parametrize("record", [b"\x00", b"\x01x", b"\x02abc", b"\x09", b"\x00" * 70_000])
async def test_a_record_of_another_form_is_a_break(sides: tuple[Side, Side], record: bytes) -> None:
    near, far = sides
    await asyncio.get_running_loop().sock_sendall(far.session.socket, far.session.sealer.record(record))
    await near.carry()
    assert near.broke[0] == 6
