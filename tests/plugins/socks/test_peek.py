"""Looking at bytes that stay where they are."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from plugins.socks.peek import peek, take, take_all


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    near.setblocking(False)
    with near, far:
        yield near, far


async def test_bytes_are_seen_again_until_they_are_taken(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    far.sendall(b"abc")
    assert await peek(near) == await peek(near, 2) == b"abc"
    take(near, 2)
    assert await peek(near) == b"c"
    take_all(near)
    far.close()
    take_all(near)


async def test_more_than_was_seen_is_waited_for_without_spinning(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    far.sendall(b"abc")
    assert await peek(near) == b"abc"
    async with asyncio.TaskGroup() as group:
        more = group.create_task(peek(near, 3))
        await asyncio.sleep(0)
        assert not more.done()
        far.sendall(b"d")
    assert more.result() == b"abcd"


async def test_an_end_in_the_middle_is_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    far.sendall(b"abc")
    far.shutdown(socket.SHUT_WR)
    assert await peek(near) == b"abc"
    with pytest.raises(EOFError):
        await peek(near, 3)
