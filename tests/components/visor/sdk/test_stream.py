"""A stream's reading, writing and ends, over a socket pair; the visor is played by the test."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable

import psutil
import pytest

from components.visor.sdk import stream as module
from components.visor.sdk.errors import Misuse, NoAnswer, Refused, StreamReset
from components.visor.sdk.handed import Handed
from components.visor.sdk.stream import WRITE_MAX, Stream
from signal_bus.ids import PublicKey

KEY = PublicKey(bytes(32))


class Visor:
    def __init__(self) -> None:
        self.behind = False
        self.forgotten = 0
        self.codes: list[int] = []
        self.held = asyncio.Event()
        self.refusal = "not-held"  # to a give before hold; none if the app has read all
        self.given: socket.socket | None = None
        self.on_drain: list[tuple[Stream, int | None]] = []

    def drain(self) -> bool:
        for stream, code in self.on_drain:
            stream.ended(code)
        return self.behind

    def forget(self, stream: Stream) -> None:
        self.forgotten += 1

    async def reset(self, stream: Stream, code: int) -> None:
        self.codes.append(code)

    def check_near(self) -> None:
        return

    def give_up(self, stream: Stream) -> None:
        self.codes.append(3)

    async def hold(self, stream: Stream) -> None:
        self.held.set()

    async def give(self, stream: Stream, sock: socket.socket) -> Handed:
        if self.refusal and not self.held.is_set():
            sock.close()
            raise Refused(self.refusal, "")
        self.given = sock
        return Handed(self, peer=stream.peer, rport=stream.rport)  # type: ignore[arg-type]  # resets of both


class Ends:
    def __init__(self) -> None:
        self.visor = Visor()
        self.peer, ours = socket.socketpair()
        self.peer.setblocking(False)
        self.stream = Stream(self.visor, ours, id=1, peer=KEY, port=5, rport=6)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    before = psutil.Process().num_fds()
    made = Ends()
    async with asyncio.timeout(10):
        yield made
    made.peer.close()
    made.stream._outgoing.clear()
    made.stream.close()
    await made.stream.wait_closed()
    assert psutil.Process().num_fds() == before


async def fails(call: Awaitable[object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        await call


async def test_reading_in_every_way(ends: Ends) -> None:
    ends.peer.send(b"abcdefline\nx--y--rest")
    assert await ends.stream.read(0) == b""
    assert await ends.stream.read(2) == b"ab"
    assert await ends.stream.readexactly(4) == b"cdef"
    assert await ends.stream.readline() == b"line\n"
    assert await ends.stream.readuntil(b"--") == b"x--"
    ends.peer.shutdown(socket.SHUT_WR)
    assert [line async for line in ends.stream] == [b"y--rest"]
    assert ends.stream.at_eof()
    assert await ends.stream.read() == b""


async def test_too_early_an_end_is_told_with_what_there_was(ends: Ends) -> None:
    ends.peer.send(b"abc")
    ends.peer.shutdown(socket.SHUT_WR)
    with pytest.raises(asyncio.IncompleteReadError) as caught:
        await ends.stream.readexactly(4)
    assert (caught.value.partial, caught.value.expected) == (b"abc", 4)


async def test_a_line_without_end_is_refused(ends: Ends) -> None:
    ends.peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400_000)
    ends.peer.send(bytes(70_000))
    with pytest.raises(asyncio.LimitOverrunError):
        await ends.stream.readuntil(b"x")


async def test_a_cancelled_read_loses_nothing(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ends.stream.read(1)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(ends.stream.read(10))
        await asyncio.sleep(0)
        ends.peer.send(b"data")
        await asyncio.sleep(0)
        reading.cancel()
    if reading.cancelled():
        assert await ends.stream.read(10) == b"data"
    else:
        assert reading.result() == b"data"


async def test_two_readers_are_told(ends: Ends) -> None:
    async with asyncio.TaskGroup() as group:
        first = group.create_task(ends.stream.read(1))
        await asyncio.sleep(0)
        with pytest.raises(Misuse, match="two tasks"):
            await ends.stream.read(1)
        ends.peer.send(b"x")
        assert await first == b"x"


async def test_closing_wakes_the_reader(ends: Ends) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(ends.stream.read(1), Misuse, "closed here"))
        await asyncio.sleep(0)
        ends.stream.close()
    assert ends.visor.forgotten == 1


async def test_what_does_not_fit_waits_and_is_sent_before_the_end(ends: Ends) -> None:
    data = bytes(range(256)) * 8192
    ends.stream.writelines([data[:1000], data[1000:]])
    ends.stream.write_eof()
    async with asyncio.TaskGroup() as group:
        draining = group.create_task(ends.stream.drain())
        got = b""
        while part := await asyncio.get_running_loop().sock_recv(ends.peer, 1 << 20):
            got += part
        await draining
    assert got == data
    with pytest.raises(Misuse, match="write_eof"):
        ends.stream.write(b"x")
    assert ends.stream.can_write_eof()


async def test_who_never_drains_is_told(ends: Ends) -> None:
    ends.stream.write(bytes(WRITE_MAX))
    with pytest.raises(Misuse, match="drain"):
        ends.stream.write(bytes(WRITE_MAX))
    with pytest.raises(Misuse, match="drain"):
        ends.stream.detach()


async def test_who_drains_after_each_write_never_has_much_waiting(ends: Ends) -> None:
    size, block, got = 8 << 20, bytes(1 << 18), 0

    async def pour() -> None:
        for _ in range(size // len(block)):
            ends.stream.write(block)
            await ends.stream.drain()
            assert len(ends.stream._outgoing) <= module.HIGH_WATER
        ends.stream.write_eof()

    async with asyncio.TaskGroup() as group:
        group.create_task(pour())
        # An odd size each time: now and then a little waits when the next block is written.
        while part := await asyncio.get_running_loop().sock_recv(ends.peer, 33_333):
            got += len(part)
    assert got == size


async def test_closing_sends_what_waits(ends: Ends) -> None:
    ends.stream.write(bytes(1_000_000))
    async with asyncio.TaskGroup() as group:
        ends.stream.close()
        ends.stream.close()
        assert ends.stream.is_closing()
        closed = group.create_task(ends.stream.wait_closed())
        got = 0
        while part := await asyncio.get_running_loop().sock_recv(ends.peer, 1 << 20):
            got += len(part)
        await closed
    assert got == 1_000_000
    assert ends.visor.forgotten == 1


async def test_an_error_in_the_block_sends_no_more(ends: Ends) -> None:
    async def fail() -> None:
        async with ends.stream:
            ends.stream.write(bytes(10_000_000))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_writing_to_nobody_is_a_reset(ends: Ends) -> None:
    ends.peer.close()
    ends.stream.write(b"x")
    with pytest.raises(StreamReset):
        ends.stream.write(b"x")
    with pytest.raises(StreamReset):
        await ends.stream.drain()


async def test_the_visors_reason_is_better_than_a_broken_socket(ends: Ends) -> None:
    ends.visor.on_drain = [(ends.stream, 5)]
    ends.peer.close()
    ends.stream.write(b"x")
    with pytest.raises(StreamReset, match="started anew"):
        await ends.stream.drain()


async def test_nobody_reads_while_it_closes(ends: Ends) -> None:
    ends.stream.write(bytes(10_000_000))
    ends.stream.close()
    ends.peer.close()
    await ends.stream.wait_closed()


async def test_at_the_end_the_visor_is_asked_why(ends: Ends) -> None:
    ends.visor.on_drain = [(ends.stream, 300)]
    ends.peer.close()
    with pytest.raises(StreamReset, match="300"):
        await ends.stream.read()


async def test_a_visor_that_lags_is_waited_for(ends: Ends) -> None:
    ends.visor.behind = True
    ends.peer.close()
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(ends.stream.read(), StreamReset, "read everything"))
        await asyncio.sleep(0)
        ends.stream.ended(3)


async def test_a_visor_that_says_nothing_is_not_waited_for_long(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHY_S", 0.01)
    ends.visor.behind = True
    ends.peer.close()
    assert await ends.stream.read() == b""


async def test_breaking_off_is_told_to_the_visor(ends: Ends) -> None:
    await ends.stream.abort(301)
    assert ends.visor.codes == [301]
    await ends.stream.abort()
    assert ends.visor.codes == [301]


async def test_a_stream_can_be_taken_out(ends: Ends) -> None:
    ends.peer.send(b"abcdef")
    assert await ends.stream.readexactly(2) == b"ab"
    sock, left = ends.stream.detach()
    assert left == b"cdef"
    sock.close()
    with pytest.raises(Misuse):
        ends.stream.write(b"x")


async def test_facts_are_told_as_asyncio_does(ends: Ends) -> None:
    assert ends.stream.get_extra_info("peername") == ("00" * 32, 6)
    assert ends.stream.get_extra_info("sockname") == ("", 5)
    assert ends.stream.get_extra_info("stream") == 1
    assert isinstance(ends.stream.get_extra_info("socket"), socket.socket)
    assert ends.stream.get_extra_info("cipher", "none") == "none"
    assert "rport=6" in repr(ends.stream)


async def test_what_came_goes_first_to_the_socket_that_takes_over(ends: Ends) -> None:
    ends.peer.send(b"abcdef")
    assert await ends.stream.readexactly(2) == b"ab"
    ends.peer.send(b"ghi")
    ends.peer.shutdown(socket.SHUT_WR)  # as the visor does when it holds
    far, near = socket.socketpair()
    with far:
        await ends.stream.hand_over(near)
        assert far.recv(100) == b"cdefghi"
        assert ends.stream.is_closing()
        assert ends.visor.given is not None
        ends.visor.given.close()
    assert near.fileno() == -1


async def test_a_stream_that_was_read_to_the_last_byte_is_handed_over_in_one_step(ends: Ends) -> None:
    ends.visor.refusal = ""
    ends.peer.send(b"request, and more")
    assert await ends.stream.readexactly(7) == b"request"
    ends.stream.write(b"reply")
    far, near = socket.socketpair()
    with far:
        await ends.stream.hand_over(near)
        assert far.recv(100) == b", and more"
    assert ends.peer.recv(100) == b"reply"
    assert not ends.visor.held.is_set()
    assert ends.visor.given is not None
    ends.visor.given.close()


async def test_another_refusal_breaks_the_stream(ends: Ends) -> None:
    ends.visor.refusal = "bad-descriptor"
    far, near = socket.socketpair()
    with far, pytest.raises(Refused, match="bad-descriptor"):
        await ends.stream.hand_over(near)
    assert ends.visor.codes == [3]


async def test_what_was_written_is_sent_before_the_stream_is_held(ends: Ends) -> None:
    data = bytes(1_000_000)
    ends.stream.write(data)
    far, near = socket.socketpair()
    async with asyncio.TaskGroup() as group:
        over = group.create_task(ends.stream.hand_over(near))
        got = 0
        while got < len(data):
            assert not ends.visor.held.is_set()
            got += len(await asyncio.get_running_loop().sock_recv(ends.peer, 1 << 20))
        await ends.visor.held.wait()
        ends.peer.shutdown(socket.SHUT_WR)
        await over
    assert ends.visor.given is not None
    ends.visor.given.close()
    far.close()


async def test_a_target_that_takes_nothing_is_given_up(ends: Ends) -> None:
    far, near = socket.socketpair()
    near.setblocking(False)
    while True:
        try:
            near.send(bytes(1 << 16))
        except BlockingIOError:
            break
    ends.peer.send(b"x")
    with far, pytest.raises(NoAnswer, match="passed on"):
        await ends.stream.hand_over(near, deadline_s=0.05)
    assert ends.visor.codes == [3]
    assert near.fileno() == -1


async def test_a_target_that_is_gone_breaks_the_stream(ends: Ends) -> None:
    far, near = socket.socketpair()
    far.close()
    ends.peer.send(b"x")
    with pytest.raises(BrokenPipeError):
        await ends.stream.hand_over(near)
    assert ends.visor.codes == [3]


async def test_what_cannot_be_handed_over_is_said_and_the_stream_goes_on(ends: Ends) -> None:
    far, near = socket.socketpair()
    ends.stream.id = 0
    with pytest.raises(Misuse, match="two apps of one visor"):
        await ends.stream.hand_over(near)
    ends.stream.id = 1
    ends.stream.write_eof()
    with pytest.raises(Misuse, match="write_eof"):
        await ends.stream.hand_over(near)
    assert not ends.stream.is_closing()
    far.close()
