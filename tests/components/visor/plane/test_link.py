"""One link: what a neighbour can do to it, liveness, order of what goes out."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import psutil
import pytest

from components.mesh.aead import Cipher
from components.mesh.frame import FrameType, frame
from components.mesh.record import MAX_PLAIN, Sealer
from components.visor.plane.limits import PING_S, PINGS_MISSED, PROBE_S, URGENT_BYTES
from components.visor.plane.link import Link
from components.visor.plane.router import Router
from tests.support.planes import joined, reasons, route

KEY = bytes(range(32))  # of what the left side seals


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Router, Router]]:
    before = psutil.Process().num_fds()
    loop = asyncio.get_running_loop()
    left, right = Router(loop), Router(loop)
    yield left, right
    left.close()
    right.close()
    assert psutil.Process().num_fds() == before


async def until(probe: object, deadline_s: float = 5.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not probe():  # type: ignore[operator]
            await asyncio.sleep(0)


def raw(pair: tuple[Router, Router]) -> tuple[socket.socket, Link]:
    """The left side as bare bytes, the right one a link."""
    ends = socket.socketpair()
    copy = ends[0].dup()
    left, right = joined(*pair, ends)
    left.close("replaced by bare bytes")
    return copy, right


def record(plain: bytes, sealer: Sealer | None = None) -> bytes:
    return (sealer or Sealer(Cipher.AES, KEY)).record(plain)


PING = frame(FrameType.PING, 0, b"12345678")


@pytest.mark.parametrize(
    "data, reason",
    [
        (os.urandom(4096).replace(b"\x00", b"\x01"), "record of"),
        (b"\xff\xff\xff\xff" + bytes(40), "record of"),
        (bytes(64), "record of 0"),
        (record(PING)[:-1] + b"\x00", "tag"),
        (record(PING) + record(PING), "tag"),  # the second is the first again: replayed
        (record(b"\x02\x00"), "header"),
        (record(frame(FrameType.DATA, 5, bytes(24))[:-1]), "frame of 24 bytes"),
        (record(frame(FrameType.CREDIT, 5, b"abc")), "type 7"),
    ],
)
async def test_bad_bytes_close_the_link_with_a_reason(
    pair: tuple[Router, Router], data: bytes, reason: str
) -> None:
    sock, link = raw(pair)
    sock.sendall(data)
    await until(lambda: link.closed)
    assert reason in reasons(pair[1])[0]
    sock.close()


async def test_records_out_of_order_close_the_link(pair: tuple[Router, Router]) -> None:
    sock, link = raw(pair)
    sealer = Sealer(Cipher.AES, KEY)
    first, second = record(PING, sealer), record(PING, sealer)
    sock.sendall(second + first)
    await until(lambda: link.closed)
    sock.close()


async def test_a_truncated_record_waits_and_a_hang_up_is_told(pair: tuple[Router, Router]) -> None:
    sock, link = raw(pair)
    sock.sendall(record(PING)[:10])
    await asyncio.sleep(0.01)
    assert not link.closed
    sock.recv(4096)  # its ping: what is left unread would turn the hang up into a reset
    sock.close()
    await until(lambda: link.closed)
    assert reasons(pair[1]) == ["ended: the neighbour hung up"]


async def test_a_record_split_anywhere_is_whole(pair: tuple[Router, Router]) -> None:
    sock, link = raw(pair)
    sealer = Sealer(Cipher.AES, KEY)
    for cut in range(1, len(record(PING)), 7):
        whole = record(PING, sealer)
        sock.sendall(whole[:cut])
        await asyncio.sleep(0)
        sock.sendall(whole[cut:])
    await until(lambda: link.sent_bytes >= link.received_bytes > 0)
    assert not link.closed
    sock.close()


async def test_a_neighbour_that_never_reads_holds_bounded_memory(pair: tuple[Router, Router]) -> None:
    sock, link = raw(pair)
    for _ in range(20_000):
        link.tell(FrameType.PING, 0, bytes(64))
        if link._urgent_bytes > URGENT_BYTES:
            break
        await asyncio.sleep(0)
    assert link._urgent_bytes <= URGENT_BYTES + 71
    link.tell(FrameType.PING, 0, bytes(64))
    assert link._urgent_bytes <= URGENT_BYTES + 71
    sock.close()


async def test_a_silent_neighbour_is_given_up(
    pair: tuple[Router, Router], monkeypatch: pytest.MonkeyPatch
) -> None:
    sock, link = raw(pair)
    start = asyncio.get_running_loop().time()
    for beat in range(1, PINGS_MISSED + 3):
        link.tick(start + beat * (PING_S + 1))
    assert link.closed
    assert reasons(pair[1])[0].startswith("ended: no answer for")
    sock.close()


async def test_pings_measure_the_round_trip(pair: tuple[Router, Router]) -> None:
    left, right = joined(*pair)
    left.tick(asyncio.get_running_loop().time() + PING_S + 1)
    left._missed = 3
    left.tell(FrameType.PING, 0, right.peer[:0] + b"\x00" * 8)  # a stamp long ago: counts for nothing
    await until(lambda: left._missed == 0)
    assert left.rtt_s is None or left.rtt_s >= 0


async def test_a_link_measures_its_round_trip_as_soon_as_it_is_up(pair: tuple[Router, Router]) -> None:
    left, right = joined(*pair)
    await until(lambda: left.rtt_s is not None and right.rtt_s is not None)
    assert left.rtt_s is not None
    assert 0 <= left.rtt_s < 5


async def test_small_routes_go_before_a_bulk_transfer(pair: tuple[Router, Router]) -> None:
    left, right = joined(*pair)
    path = [(pair[0], None, left), (pair[1], right, None)]
    _, bulk, bulk_end = route(path)
    _, small, small_end = route(path)
    bulk.send(bytes(40_000_000))
    await bulk_end.until(lambda: bulk_end.received > 2_000_000)
    small.send(b"x" * 64)
    at = bulk_end.received
    await small_end.until(lambda: small_end.received == 64)
    assert bulk_end.received - at < 40_000_000 / 4


async def test_a_record_is_no_longer_than_it_may_be(pair: tuple[Router, Router]) -> None:
    left, right = joined(*pair)
    path = [(pair[0], None, left), (pair[1], right, None)]
    ends = [route(path) for _ in range(20)]
    for _, first, _ in ends:
        first.send(bytes(300_000))
    for _, _, last in ends:
        await last.until(lambda last=last: last.received == 300_000)  # type: ignore[misc]
    assert not left.closed
    assert left.sent_bytes >= 20 * 300_000
    assert MAX_PLAIN >= 2 * 65_000


async def test_keys_change_in_step_while_data_flows(
    pair: tuple[Router, Router], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.mesh.aead.DUE_BYTES", 200_000)
    left, right = joined(*pair)
    _, first, last = route([(pair[0], None, left), (pair[1], right, None)])
    data = os.urandom(3_000_000)
    first.send(data)
    await last.until(lambda: last.received == len(data))
    assert b"".join(last.data) == data
    assert left._sealer.key._key != KEY


async def test_closing_twice_tells_once(pair: tuple[Router, Router]) -> None:
    left, right = joined(*pair)
    left.close("one")
    left.close("two")
    assert reasons(pair[0]) == ["ended: one"]
    await until(lambda: right.closed)


async def test_a_neighbour_that_is_doubted_is_asked_at_once_and_seldom(pair: tuple[Router, Router]) -> None:
    sock, link = raw(pair)
    assert link.unanswered_s == 0
    link._pinged -= 2 * PROBE_S
    link.probe()
    link.probe()
    assert link._missed == 1
    await until(lambda: link.unanswered_s > 0)
    sock.close()


async def test_what_tcp_sent_again_is_known_where_there_is_tcp(pair: tuple[Router, Router]) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as near,
    ):
        far, _ = server.accept()
        over_tcp, _ = joined(*pair, (near, far))
        local, _ = joined(*pair)
        assert (over_tcp.retries, local.retries) == (0, 0)
        over_tcp.close("a test")
        assert over_tcp.retries == 0


async def test_a_fault_of_ours_ends_its_link_and_holds_up_no_other(
    pair: tuple[Router, Router], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    left, right = pair
    bad, _ = joined(left, right)
    good, peer = joined(left, right)
    await until(lambda: good.rtt_s is not None and bad.rtt_s is not None)

    def fails(link: Link, plain: memoryview) -> None:
        good.tell(FrameType.PING, 0, bytes(8))
        raise KeyError("a fault")

    monkeypatch.setattr(left, "take", fails)
    before = peer.received_bytes
    bad._ask(0.0)  # the answer is what it fails on
    await until(lambda: bad.closed)
    monkeypatch.undo()
    await until(lambda: peer.received_bytes > before)
    assert not good.closed
    assert "a fault of this node ends a link" in caplog.text
