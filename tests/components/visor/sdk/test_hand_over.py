"""A stream's socket gives way to another one, over two data planes: an exit app that copies nothing."""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.visor.app import App, Handed, Refused, Stream, StreamReset
from tests.support.appnet import Net, joined
from tests.support.mesh import BOB

B = BOB.public_key


pytestmark = pytest.mark.usefixtures("whole")


@pytest.fixture
async def net(short_tmp: Path) -> AsyncIterator[Net]:
    async with joined(short_tmp) as made:
        yield made


def tcp() -> tuple[socket.socket, socket.socket]:
    """A target, and the app's connection to it: blocking, as a careless app leaves it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        target, _ = server.accept()
    target.setblocking(False)
    return target, ours


async def accepted(near: App, far: App) -> tuple[Stream, Stream]:
    async with far.listen(7) as listener:
        ours = await near.dial(B, 7)
        return ours, await listener.accept()


async def exited(near: App, far: App) -> tuple[Stream, socket.socket, Handed]:
    """A stream whose far end is a target's connection: ours, the target's end, what the exit app holds."""
    ours, theirs = await accepted(near, far)
    target, connection = tcp()
    return ours, target, await theirs.hand_over(connection)


async def took(target: socket.socket) -> bytes:
    """All the target gets, up to the end."""
    got = b""
    while part := await asyncio.get_running_loop().sock_recv(target, 1 << 16):
        got += part
    return got


async def test_no_byte_is_lost_or_passes_another(near: App, far: App) -> None:
    ours, theirs = await accepted(near, far)
    ours.write(b"head\nearly ")
    assert await theirs.readline() == b"head\n"
    theirs.write(b"granted ")
    target, connection = tcp()
    ours.write(b"late ")
    handed = await theirs.hand_over(connection)
    ours.write(b"last")
    ours.write_eof()
    assert await took(target) == b"early late last"
    await asyncio.get_running_loop().sock_sendall(target, b"answer")
    target.close()
    assert await ours.read() == b"granted answer"
    ours.close()
    assert await handed.wait() == (14, 20)
    assert (handed.sent_bytes, handed.received_bytes) == (6, 15)  # without "granted " and "head\n"


async def test_megabytes_go_both_ways_while_the_sockets_change(near: App, far: App) -> None:
    up, down = os.urandom(3_000_000), os.urandom(3_000_000)
    ours, theirs = await accepted(near, far)
    target, connection = tcp()

    async def pour() -> None:
        for at in range(0, len(up), 100_000):
            ours.write(up[at : at + 100_000])
            await ours.drain()
        ours.write_eof()

    async def answer() -> None:
        await asyncio.get_running_loop().sock_sendall(target, down)
        target.shutdown(socket.SHUT_WR)

    async with asyncio.TaskGroup() as group:
        group.create_task(pour())
        await asyncio.sleep(0.01)
        group.create_task(theirs.hand_over(connection))
        group.create_task(answer())
        reading = group.create_task(ours.read())
        got = await took(target)
    assert hashlib.sha256(got).digest() == hashlib.sha256(up).digest()
    assert hashlib.sha256(reading.result()).digest() == hashlib.sha256(down).digest()
    target.close()
    ours.close()


async def test_the_bytes_are_told_while_it_is_carried(near: App, far: App) -> None:
    ours, target, handed = await exited(near, far)
    ours.write(b"question")
    assert await asyncio.get_running_loop().sock_recv(target, 100) == b"question"
    target.send(b"answer")
    assert await ours.read(100) == b"answer"
    assert (handed.sent_bytes, handed.received_bytes) == (0, 0)
    await far.describe()
    assert (handed.sent_bytes, handed.received_bytes) == (6, 8)
    ours.close()
    target.close()


async def test_the_targets_end_is_passed_on_and_it_still_hears(near: App, far: App) -> None:
    ours, target, handed = await exited(near, far)
    target.shutdown(socket.SHUT_WR)
    assert await ours.read() == b""
    ours.write(b"still there")
    ours.write_eof()
    assert await took(target) == b"still there"
    target.close()
    ours.close()
    await handed.wait()


async def test_a_target_that_goes_breaks_the_stream(near: App, far: App) -> None:
    ours, target, handed = await exited(near, far)
    target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    target.close()
    with pytest.raises(StreamReset):
        await ours.read()
    with pytest.raises(StreamReset):
        await handed.wait()
    ours.close()


async def test_with_the_exit_app_goes_its_targets_connection(net: Net, near: App) -> None:
    async with App.connect(str(net.there), name="exit") as app:
        ours, target, _ = await exited(near, app)
    with pytest.raises((ConnectionResetError, AssertionError)):
        assert await took(target)
    with pytest.raises(StreamReset):
        await ours.read()
    ours.close()
    target.close()


async def test_a_giver_that_keeps_a_blocking_copy_does_not_hang_the_visor(near: App, far: App) -> None:
    ours, theirs = await accepted(near, far)
    target, connection = tcp()
    kept = connection.dup()
    handed = await theirs.hand_over(connection)
    kept.setblocking(True)
    ours.write(b"x")
    assert await asyncio.get_running_loop().sock_recv(target, 1) == b"x"
    assert (await far.describe()).count == 1  # the visor answers
    await handed.abort(300)
    with pytest.raises(StreamReset, match="300"):
        await ours.read()
    for each in (ours, kept, target):
        each.close()


async def test_what_is_no_connected_stream_is_refused_and_the_stream_ends(near: App, far: App) -> None:
    for wrong in (socket.socket(), socket.socket(type=socket.SOCK_DGRAM)):
        ours, theirs = await accepted(near, far)
        with pytest.raises(Refused, match="connected stream socket") as caught:
            await theirs.hand_over(wrong)
        assert caught.value.code == "bad-descriptor"
        assert wrong.fileno() == -1
        with pytest.raises(StreamReset):
            await ours.read()
        ours.close()


async def test_it_still_counts_as_a_stream_of_the_app(near: App, far: App) -> None:
    ours, target, handed = await exited(near, far)
    facts = (await far.describe()).streams
    assert [(each.stream, each.rport) for each in facts] == [(handed.id, ours.port)]
    ours.close()
    target.close()
