import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from components.mesh.doors import Door
from components.mesh.errors import Gone, Refused
from components.mesh.session import Visitor, dial_over
from components.visor.links import visits as module
from components.visor.links.visits import Visits
from tests.support.mesh import ALICE, BOB, sockets


@asynccontextmanager
async def visited(**doors: Door) -> AsyncIterator[Callable[[socket.socket], None]]:
    """Takes sockets for Bob; the door of port N is named `portN`."""
    running: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as tasks:

        def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            running.append(tasks.create_task(work))
            return running[-1]

        visits = Visits(BOB, {int(name[4:]): door for name, door in doors.items()}, spawn)
        yield lambda sock: visits.take(sock, ALICE.public_key)
        for task in running:
            task.cancel()


async def test_each_port_has_its_door() -> None:
    async def door(visitor: Visitor) -> None:
        (await visitor.accept()).close()

    async with visited(port45=door) as take:
        for port in (45, 80):
            with sockets() as (ours, theirs):
                take(theirs)
                if port == 45:
                    (await dial_over(ours, ALICE, BOB.public_key, port)).close()
                else:
                    with pytest.raises(Refused, match="no-such-port"):
                        await dial_over(ours, ALICE, BOB.public_key, port)


async def test_a_door_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: Visitor) -> None:
        raise ZeroDivisionError

    async with visited(port45=broken) as take:
        with sockets() as (ours, theirs):
            take(theirs)
            with pytest.raises(Gone):
                await dial_over(ours, ALICE, BOB.public_key, 45)
    assert "a relayed visit failed" in caplog.text


async def test_noise_of_another_kind_and_what_is_over_a_bound_are_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RELAYED_EACH", 1)
    caplog.set_level(logging.INFO)
    loop = asyncio.get_running_loop()
    async with visited() as take:
        with sockets() as (first, theirs), sockets() as (second, over):
            take(theirs)
            take(over)
            assert await loop.sock_recv(second, 1) == b""
            await loop.sock_sendall(first, b"GET / HTTP/1.1\r\n\r\n")
            assert await loop.sock_recv(first, 1) == b""
    assert caplog.text.count("came to nothing") == 2


async def test_a_visit_that_is_ended_before_it_began_is_closed() -> None:
    with sockets() as (ours, theirs):
        async with visited() as take:
            take(theirs)
        assert ours.recv(1) == b""
        assert theirs.fileno() == -1
