"""Standard input and output on a socket."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from plugins.mesh import stdio


class Ends:
    """A socket's two ends, and a pipe for input and one for output, as (ours, the program's)."""

    def __init__(self, stack: ExitStack) -> None:
        self.near, self.far = socket.socketpair()
        for sock in (self.near, self.far):
            sock.settimeout(20)
            stack.callback(sock.close)
        self.into, self.typing = os.pipe()
        self.reading, self.out = os.pipe()
        for descriptor in (self.into, self.typing, self.reading, self.out):
            stack.callback(_close, descriptor)


def _close(descriptor: int) -> None:
    with suppress(OSError):
        os.close(descriptor)


@pytest.fixture
def ends() -> Iterator[Ends]:
    with ExitStack() as stack:
        yield Ends(stack)


def test_input_goes_up_and_ends_there(ends: Ends) -> None:
    os.write(ends.typing, b"abc")
    os.close(ends.typing)
    stdio.upwards(ends.near, ends.into)
    assert ends.far.recv(10) == b"abc"
    assert ends.far.recv(10) == b""
    ends.far.sendall(b"still open this way")
    assert ends.near.recv(30) == b"still open this way"


def test_input_that_cannot_be_read_is_an_end(ends: Ends) -> None:
    os.close(ends.into)
    stdio.upwards(ends.near, ends.into)
    assert ends.far.recv(1) == b""


def test_input_that_is_not_taken_is_an_error(ends: Ends) -> None:
    os.write(ends.typing, b"abc")
    ends.far.close()
    with pytest.raises(BrokenPipeError):
        stdio.upwards(ends.near, ends.into)


def test_the_end_of_input_may_come_when_all_has_ended(ends: Ends) -> None:
    os.close(ends.typing)
    ends.near.close()
    stdio.upwards(ends.near, ends.into)


def test_what_comes_goes_out_and_the_output_ends(ends: Ends) -> None:
    ends.far.sendall(b"x" * 1000)
    ends.far.close()
    stdio.downwards(ends.near, ends.out)
    with open(ends.reading, "rb", closefd=False) as output:
        assert output.read() == b"x" * 1000
    os.fstat(ends.out)  # the number is not free for others


def test_an_output_that_nobody_reads_is_an_error_of_its_own(ends: Ends) -> None:
    os.close(ends.reading)
    ends.far.sendall(b"x")
    with pytest.raises(stdio.OutputError, match="Broken pipe"):
        stdio.downwards(ends.near, ends.out)


async def test_a_fault_in_a_thread_is_told_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise ConnectionResetError(104, "broken")

    async with asyncio.timeout(20):
        assert isinstance(await stdio.beside(fail), ConnectionResetError)
        assert await stdio.beside(lambda: None) is None


async def test_a_thread_that_outlives_the_waiting_harms_nobody(ends: Ends) -> None:
    over = stdio.beside(lambda: stdio.upwards(ends.near, ends.into))
    over.cancel()
    os.close(ends.typing)
    assert ends.far.recv(1) == b""


def test_a_pair_of_pipes_or_different_sockets_are_not_one(ends: Ends) -> None:
    assert stdio.one_socket(ends.into, ends.out) is None
    assert stdio.one_socket(ends.near.fileno(), ends.far.fileno()) is None


def test_one_connected_socket_is_one_however_often_it_is_held(ends: Ends) -> None:
    with ends.near.dup() as other:
        found = stdio.one_socket(ends.near.fileno(), other.fileno())
    assert found is not None
    with found:
        found.sendall(b"x")
    assert ends.far.recv(1) == b"x"
    with socket.create_server(("127.0.0.1", 0)) as unconnected:
        assert stdio.one_socket(unconnected.fileno(), unconnected.fileno()) is None
    datagrams, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with datagrams, other:
        assert stdio.one_socket(datagrams.fileno(), datagrams.fileno()) is None


def test_letting_go_shows_the_end_to_others(ends: Ends) -> None:
    descriptor = ends.near.detach()
    stdio.let_go(descriptor)
    assert ends.far.recv(1) == b""
    os.close(descriptor)
