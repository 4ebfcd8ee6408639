import asyncio
import contextlib
import fcntl
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from components.visor.plane.socketend import SocketEnd
from components.visor.plane.streams.api import BLOCKED, BROKEN, END, Code


class FakeGroup:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.has_memory = True
        self.changed = asyncio.Event()

    def open(self, port: int, end: SocketEnd, *, source: int, now: float) -> int:
        return port

    def early(self, id: int, data: bytes) -> bool:
        self.told.append(f"early {data.decode()}")
        return self.has_memory

    def readable(self, id: int) -> None:
        self.told.append("readable")
        self.changed.set()

    def writable(self, id: int, now: float) -> None:
        self.told.append("writable")
        self.changed.set()

    async def until(self, word: str) -> None:
        async with asyncio.timeout(5):
            while word not in self.told:
                self.changed.clear()
                await self.changed.wait()


class Made:
    def __init__(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self.app, ours = pair
        self.app.setblocking(False)
        self.group = FakeGroup()
        self.codes: list[int | None] = []
        loop = asyncio.get_running_loop()
        self.end = SocketEnd(loop, self.group, ours, self.codes.append)  # type: ignore[arg-type]


@pytest.fixture
async def made() -> AsyncIterator[Made]:
    each = Made(socket.socketpair())
    yield each
    each.end.closed(None)
    each.app.close()


def tcp() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    return near, far


async def test_it_watches_only_after_it_had_nothing(made: Made) -> None:
    into = memoryview(bytearray(10))
    assert made.end.read(into) == BLOCKED
    made.app.send(b"hello")
    await made.group.until("readable")
    assert made.group.told == ["readable"]
    assert made.end.read(into) == 5
    assert bytes(into[:5]) == b"hello"
    assert made.end.sent_bytes == 5


async def test_the_end_of_the_app_is_an_end_and_a_reset_is_broken(made: Made) -> None:
    made.app.shutdown(socket.SHUT_WR)
    assert made.end.read(memoryview(bytearray(10))) == END


async def test_a_full_app_is_told_of_later(made: Made) -> None:
    data = memoryview(bytes(1 << 20))
    taken = made.end.write(data)
    assert 0 <= taken < len(data)
    assert made.end.write(data) == 0
    while True:
        try:
            made.app.recv(1 << 20)
        except BlockingIOError:
            break
    await made.group.until("writable")
    assert made.group.told.count("writable") == 1


async def test_an_app_that_cleared_nonblocking_does_not_hang_us() -> None:
    made = Made(socket.socketpair())
    made.end._sock.setblocking(True)  # what the giver of a descriptor can do at any time
    assert made.end.read(memoryview(bytearray(10))) == BLOCKED
    data = memoryview(bytes(1 << 20))
    while made.end.write(data):
        pass
    made.end.closed(None)
    made.app.close()


async def test_a_closed_app_is_broken(made: Made) -> None:
    made.app.close()
    assert made.end.write(memoryview(b"x")) == BROKEN
    made.end.end()  # nothing happens


async def test_half_close_reaches_the_app(made: Made) -> None:
    made.end.write(memoryview(b"last"))
    made.end.end()
    assert made.app.recv(10) == b"last"
    assert made.app.recv(10) == b""
    made.app.send(b"still")
    assert made.end.read(memoryview(bytearray(10))) == 5


async def test_it_is_over_once(made: Made) -> None:
    made.end.opened()
    made.end.closed(Code.GONE)
    made.end.closed(Code.CLOSED)
    made.end.opened()
    assert made.codes == [Code.GONE]
    assert made.end._sock.fileno() == -1


@pytest.mark.parametrize(
    "code, ended, whole",
    [
        (None, False, True),
        (Code.CLOSED, False, False),
        (Code.GONE, False, False),  # the target reset its connection in the middle of a page
        (Code.GONE, True, True),  # it closed behind its last byte, and reads no more
    ],
)
async def test_a_broken_stream_is_a_reset_for_a_tcp_app(code: int | None, ended: bool, whole: bool) -> None:
    made = Made(tcp())
    if ended:
        made.end.end()
    made.end.closed(code)
    made.app.setblocking(True)
    made.app.settimeout(5)
    if whole:
        assert made.app.recv(1) == b""
    else:
        with pytest.raises(ConnectionResetError):
            made.app.recv(1)
    made.app.close()


async def test_a_reset_tcp_app_is_broken_for_us() -> None:
    made = Made(tcp())
    made.app.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    made.app.close()
    made.end.opened()
    await made.group.until("readable")
    assert made.end.read(memoryview(bytearray(10))) == BROKEN
    made.end.end()
    made.end.closed(None)


async def test_the_reason_is_told_before_the_app_can_see_the_end(made: Made) -> None:
    seen: list[int] = []

    def over(code: int | None) -> None:
        with contextlib.suppress(BlockingIOError):
            seen.append(len(made.app.recv(1)))

    made.end.over = over
    made.end.closed(Code.GONE)
    assert seen == []
    assert made.app.recv(1) == b""


async def test_who_opened_it_is_told_of_the_acceptance() -> None:
    ours, theirs = socket.socketpair()
    told: list[str] = []
    loop = asyncio.get_running_loop()
    end = SocketEnd(loop, FakeGroup(), ours, lambda _: None, lambda: told.append("yes"))  # type: ignore[arg-type]
    end.opened()
    assert told == ["yes"]
    end.closed(None)
    theirs.close()


async def test_another_socket_takes_the_place_and_what_was_written_goes_first(made: Made) -> None:
    into = memoryview(bytearray(100))
    made.app.send(b"before")
    made.end.write(memoryview(b"old"))
    made.end.hold()
    made.end.hold()
    assert (made.end.held, made.end.write(memoryview(b"new"))) == (True, 0)
    assert (made.app.recv(10), made.app.recv(10)) == (b"old", b"")
    target, given = tcp()
    target.send(b"after")
    made.end.give(given)
    assert not made.end.held
    assert made.group.told == ["readable", "writable"]
    assert [bytes(into[: made.end.read(into)]) for _ in range(2)] == [b"before", b"after"]
    made.end.write(memoryview(b"new"))
    target.settimeout(5)
    assert target.recv(10) == b"new"
    assert (made.end.sent_bytes, made.end.received_bytes) == (11, 6)
    assert made.app.recv(10) == b""  # ours is closed
    target.close()


async def test_without_a_hold_it_waits_until_the_app_has_read_all(made: Made) -> None:
    takes = [made.end.held]  # nothing was written
    made.end.write(memoryview(b"request"))
    takes.append(made.end.held)
    assert made.app.recv(3) == b"req"
    takes.append(made.end.held)
    assert made.app.recv(10) == b"uest"
    takes.append(made.end.held)
    assert takes == [True, False, False, True]
    made.app.send(b"reply")
    target, given = tcp()
    made.end.give(given)
    assert not made.end.held  # it has its other socket
    into = memoryview(bytearray(100))
    target.send(b" and page")
    assert [bytes(into[: made.end.read(into)]) for _ in range(2)] == [b"reply", b" and page"]
    target.close()


async def test_where_the_system_cannot_tell_only_a_hold_will_do(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*words: object) -> bytes:
        raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr(fcntl, "ioctl", cannot)
    assert not made.end.held
    made.end.hold()
    assert made.end.held


async def test_a_full_socket_that_is_held_is_watched_no_more(made: Made) -> None:
    while made.end.write(memoryview(bytes(1 << 20))):
        pass
    made.end.hold()
    while made.app.recv(1 << 20):
        pass
    await asyncio.sleep(0)
    assert made.group.told == []


async def test_the_peers_end_is_passed_on_to_the_socket_that_came_later(made: Made) -> None:
    target, given = tcp()
    made.end.hold()
    made.end.end()
    made.end.give(given)
    target.settimeout(5)
    assert target.recv(1) == b""
    target.close()


async def test_a_stream_that_ends_before_the_first_socket_was_read_closes_both(made: Made) -> None:
    target, given = tcp()
    made.app.send(b"never read")
    made.end.hold()
    made.end.give(given)
    made.end.hold()
    assert not made.end.held  # once is enough
    made.end.closed(Code.CLOSED)
    target.settimeout(5)
    with pytest.raises(ConnectionResetError):
        target.recv(1)
    with pytest.raises(ConnectionResetError):
        made.app.recv(10)
    assert given.fileno() == -1
    target.close()


async def test_after_the_apps_own_end_the_other_socket_is_only_written(made: Made) -> None:
    made.app.shutdown(socket.SHUT_WR)
    assert made.end.read(memoryview(bytearray(10))) == END
    target, given = tcp()
    made.end.hold()
    made.end.give(given)
    assert made.group.told == ["writable"]
    target.close()


@pytest.mark.parametrize("code", [None, Code.CLOSED])
async def test_closing_never_lingers_whatever_the_giver_set(code: int | None) -> None:
    made = Made(tcp())
    kept = made.end._sock.dup()  # shares the options, as the giver's copy does
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
    made.end.closed(code)
    lingers, seconds = struct.unpack("ii", kept.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
    assert (lingers, seconds) == ((0, 60) if code is None else (1, 0))
    kept.close()
    made.app.close()


async def test_what_waits_goes_along_with_the_opening_and_is_taken_when_the_peer_accepts(made: Made) -> None:
    made.app.send(b"hello")
    made.end.open(7, 9)
    assert (made.end.id, made.group.told) == (7, ["early hello"])
    made.app.send(b" world")
    assert made.end.sent_bytes == 0
    made.end.opened()
    into = memoryview(bytearray(100))
    assert made.end.read(into) == 6
    assert bytes(into[:6]) == b" world"
    assert made.end.sent_bytes == 11


async def test_what_waits_stays_there_when_the_peer_refuses() -> None:
    made = Made(socket.socketpair())
    kept = made.end._sock.dup()  # as an app that hands its socket over does
    made.app.send(b"hello")
    made.end.open(7, 9)
    made.end.closed(Code.REFUSED)
    assert kept.recv(100) == b"hello"
    kept.close()
    made.app.close()


async def test_nothing_that_waits_and_no_memory_go_the_usual_way(made: Made) -> None:
    into = memoryview(bytearray(100))
    made.end.open(7, 9)
    made.end.opened()
    assert made.group.told == []
    made.group.has_memory = False
    made.app.send(b"hello")
    made.end.open(7, 9)
    made.end.opened()
    assert made.end.read(into) == 5


async def test_who_takes_back_what_was_sent_along_hangs_nobody() -> None:
    made = Made(socket.socketpair())
    kept = made.end._sock.dup()
    made.app.send(b"hello")
    made.end.open(7, 9)
    assert kept.recv(3) == b"hel"
    made.end.opened()
    assert made.end.read(memoryview(bytearray(10))) == BLOCKED
    made.end.closed(None)
    kept.close()
    made.app.close()
    broken = Made(socket.socketpair())
    broken.app.send(b"hello")
    broken.end.open(7, 9)
    broken.end._sock.close()
    broken.end.opened = lambda: None  # type: ignore[method-assign]  # there is nothing left to watch
    broken.end._take_early()
    assert broken.end.sent_bytes == 5
    broken.end.closed(None)
    broken.app.close()


async def test_a_read_says_whether_it_took_all_and_the_socket_is_watched_then(made: Made) -> None:
    into = memoryview(bytearray(4))
    made.app.send(b"sixsix")
    assert (made.end.read(into), made.end.dry) == (4, False)
    assert (made.end.read(into), made.end.dry) == (2, True)
    made.app.send(b"more")
    await made.group.until("readable")
    assert made.end.read(into) == 4


async def test_an_end_behind_the_last_bytes_is_seen_with_them_and_said_next(made: Made) -> None:
    into = memoryview(bytearray(10))
    made.app.send(b"last")
    made.app.shutdown(socket.SHUT_WR)
    assert (made.end.read(into), made.end.dry) == (4, False)
    assert [made.end.read(into), made.end.read(into)] == [END, END]
    assert made.end.sent_bytes == 4


async def test_a_break_behind_the_last_bytes_is_said_next() -> None:
    made = Made(tcp())
    answers = iter(list[int | OSError]([4, ConnectionResetError()]))

    class Torn:
        """A socket whose connection is reset between two reads: no test can hit that moment."""

        family = socket.AF_INET

        def recv_into(self, into: memoryview, size: int, flags: int) -> int:
            answer = next(answers)
            if isinstance(answer, OSError):
                raise answer
            return answer

    whole = made.end._sock
    made.end._sock = Torn()  # type: ignore[assignment]
    into = memoryview(bytearray(10))
    assert made.end.read(into) == 4
    assert [made.end.read(into), made.end.read(into)] == [BROKEN, BROKEN]
    made.end._sock = whole
    made.end.closed(Code.GONE)
    made.app.close()


async def test_a_socket_whose_group_does_not_come_is_not_told_of_again_and_again(made: Made) -> None:
    into = memoryview(bytearray(10))
    assert made.end.read(into) == BLOCKED
    made.app.send(b"hello")
    await made.group.until("readable")
    loop = asyncio.get_running_loop()
    for _ in range(5):
        await asyncio.sleep(0)
    assert made.group.told == ["readable"]
    assert not loop.remove_reader(made.end._sock.fileno())
    assert made.end.read(into) == 5
    made.app.send(b"again")
    made.group.told.clear()
    await made.group.until("readable")


async def test_what_the_loop_tells_is_passed_on_within_a_turn() -> None:
    near, far = socket.socketpair()
    group, turns = FakeGroup(), list[str]()

    def turn(work: Callable[[], None]) -> None:
        turns.append("begin")
        work()
        turns.append("end")

    loop = asyncio.get_running_loop()
    end = SocketEnd(loop, group, far, lambda _: None, turn=turn)  # type: ignore[arg-type]
    assert end.read(memoryview(bytearray(10))) == BLOCKED
    near.send(b"hello")
    await group.until("readable")
    assert turns == ["begin", "end"]
    end.closed(None)
    near.close()
