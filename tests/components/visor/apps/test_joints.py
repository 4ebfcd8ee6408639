"""Streams of a joint for the app server: accepted, refused, given up, broken while they open."""

import asyncio
import socket
from pathlib import Path

import pytest

from components.mesh.errors import Busy, RemoteError
from components.visor.apps.joints import open_stream, refused
from components.visor.plane.joint import Joint
from components.visor.plane.streams.api import Code
from tests.support.appnet import Net, joined


def joint_of(net: Net) -> Joint:
    assert net.alice.joint is not None
    return net.alice.joint


async def test_a_refused_stream_is_an_error_and_its_socket_closed(short_tmp: Path) -> None:
    ours, theirs = socket.socketpair()
    codes: list[int | None] = []
    async with joined(short_tmp) as net:
        with pytest.raises(RemoteError, match="nobody listens on port 7"):
            await open_stream(joint_of(net), 7, 49152, theirs, codes.append)
    assert ours.recv(1) == b""
    assert codes == []
    ours.close()


async def test_a_dial_that_is_cancelled_breaks_the_stream_off(short_tmp: Path) -> None:
    ours, theirs = socket.socketpair()
    codes: list[int | None] = []
    async with joined(short_tmp) as net:
        assert net.bob.joint is not None
        net.bob.joint._owner.offered = lambda *_: None  # type: ignore[method-assign]  # nobody answers
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await open_stream(joint_of(net), 7, 49152, theirs, codes.append)
        assert not joint_of(net).streams
    assert ours.recv(1) == b""
    assert codes == []
    ours.close()


async def test_a_closed_group_takes_no_stream(short_tmp: Path) -> None:
    ours, theirs = socket.socketpair()
    async with joined(short_tmp) as net:
        joint_of(net).close()
        with pytest.raises(Busy):
            await open_stream(joint_of(net), 7, 49152, theirs, print)
    assert theirs.fileno() == -1
    ours.close()


@pytest.mark.parametrize(
    "code, word", [(Code.REFUSED, "refused"), (Code.BUSY, "busy"), (Code.CLOSED, "unreachable")]
)
def test_each_reset_has_its_word(code: int, word: str) -> None:
    assert refused(code, 7).code == word
