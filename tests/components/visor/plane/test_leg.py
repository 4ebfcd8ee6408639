from typing import Any

from components.mesh.frame import HEADER_BYTES, HOPS, LARGE_FROM, MAX_LARGE, FrameType, frames
from components.mesh.record import MAX_PLAIN
from components.visor.plane.leg import FULL, TIGHT, Leg
from components.visor.plane.limits import HOP_FIRST, HOP_WINDOW, SMALL_FRAMES


class FakeLink:
    def __init__(self) -> None:
        self.asked: list[Leg] = []
        self.credits: list[Leg] = []
        self.told: list[tuple[int, int, int]] = []

    def busy(self, leg: Leg) -> None:
        self.asked.append(leg)

    def credit(self, leg: Leg) -> None:
        self.credits.append(leg)

    def tell(self, kind: int, route: int, payload: bytes) -> None:
        self.told.append((kind, route, int.from_bytes(payload, "big")))


class Source:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def pull(self, into: memoryview) -> int:
        size = min(len(into), len(self.data))
        into[:size] = self.data[:size]
        self.data = self.data[size:]
        return size


def made() -> tuple[Leg, FakeLink]:
    link = FakeLink()
    leg = Leg(link, 7, 9)  # type: ignore[arg-type]
    leg.allowed.limit = leg.granted.window = HOP_WINDOW
    leg.granted.limit = 128 * 1024
    return leg, link


def pulled(leg: Leg, room: int = 100_000) -> tuple[int, list[Any]]:
    into = memoryview(bytearray(room + 5))
    size = leg.pull(into, 5, room)
    return size, [(f.type, f.hops, f.route, f.end - f.start) for f in frames(into[5 : 5 + max(size, 0)])]


def test_small_frames_pass_data_that_waits() -> None:
    leg, _ = made()
    leg.forward(FrameType.DATA, 14, memoryview(bytes(100)))
    leg.forward(FrameType.PING, 13, memoryview(b"12345678"))
    assert pulled(leg) == (15, [(FrameType.PING, 13, 9, 8)])
    assert pulled(leg) == (107, [(FrameType.DATA, 14, 9, 100)])
    assert pulled(leg) == (0, [])


def test_small_frames_are_bounded() -> None:
    leg, _ = made()
    assert leg.push(FrameType.KEEP_ALIVE)
    for _ in range(2 * SMALL_FRAMES):
        leg.forward(FrameType.PING, 3, memoryview(b"12345678"))
    assert len(leg._small) == SMALL_FRAMES
    assert not leg.push(FrameType.KEEP_ALIVE)


def test_what_does_not_fit_stays() -> None:
    leg, _ = made()
    leg.push(FrameType.PING, bytes(64))
    assert pulled(leg, 40)[0] == FULL
    assert pulled(leg)[0] == 71
    leg.forward(FrameType.DATA, 14, memoryview(bytes(100)))
    assert pulled(leg, 100)[0] == FULL
    assert pulled(leg, 107)[0] == 107
    leg.consumer = Source(bytes(30))  # type: ignore[assignment]
    leg.wake()
    assert pulled(leg, 1000)[0] == FULL


def test_without_credit_data_waits_and_goes_on_when_told() -> None:
    leg, link = made()
    leg.allowed.limit = 50
    leg.forward(FrameType.DATA, 14, memoryview(bytes(100)))
    assert pulled(leg)[0] == 0
    link.asked.clear()
    leg.told(60)
    assert link.asked == [leg]
    assert pulled(leg)[0] == 0
    leg.told(100)
    assert pulled(leg)[0] == 107
    leg.told(200)
    assert link.asked == [leg, leg]  # the second time nothing waited


def test_an_end_is_asked_until_it_has_nothing() -> None:
    leg, link = made()
    source = Source(bytes(70_000))
    leg.consumer = source  # type: ignore[assignment]
    assert pulled(leg)[0] == 0
    leg.wake()
    assert pulled(leg, 65_542)[0] == HEADER_BYTES + 65_535
    assert pulled(leg)[0] == HEADER_BYTES + 4_465
    assert pulled(leg)[0] == 0
    source.data = bytes(30)
    assert pulled(leg)[0] == 0  # nobody woke it
    leg.wake()
    assert pulled(leg)[0] == HEADER_BYTES + 30
    assert leg.sent_bytes == 70_030
    assert link.asked


def test_an_end_with_much_fills_a_record_by_one_frame() -> None:
    leg, _ = made()
    leg.consumer = Source(bytes(MAX_LARGE + 30))  # type: ignore[assignment]
    leg.wake()
    assert pulled(leg, MAX_PLAIN) == (MAX_PLAIN, [(FrameType.LARGE, HOPS, 9, MAX_LARGE)])
    assert pulled(leg, MAX_PLAIN) == (HEADER_BYTES + 30, [(FrameType.DATA, HOPS, 9, 30)])


def test_a_large_frame_that_waits_goes_on_as_one() -> None:
    leg, _ = made()
    leg.forward(FrameType.DATA, 13, memoryview(bytes(LARGE_FROM + 5)))
    assert pulled(leg) == (HEADER_BYTES + LARGE_FROM + 5, [(FrameType.LARGE, 13, 9, LARGE_FROM + 5)])


def test_a_large_frame_that_waits_is_a_record_by_itself_once_nothing_small_does() -> None:
    leg, _ = made()
    leg.forward(FrameType.DATA, 13, memoryview(bytes(100)))
    leg.forward(FrameType.DATA, 13, memoryview(bytes(LARGE_FROM)))
    assert leg.large() is None  # a short one goes first
    assert pulled(leg)[0] == HEADER_BYTES + 100
    leg.push(FrameType.KEEP_ALIVE)
    assert leg.large() is None
    assert pulled(leg)[0] == HEADER_BYTES
    leg.allowed.limit = 100 + LARGE_FROM - 1
    assert leg.large() is None
    assert leg.queued_bytes == LARGE_FROM
    leg.told(HOP_WINDOW)
    whole = leg.large()
    assert whole is not None
    assert [(f.type, f.hops, f.route) for f in frames(memoryview(whole))] == [(FrameType.LARGE, 13, 9)]
    assert (leg.queued_bytes, leg.sent_bytes) == (0, 100 + LARGE_FROM)
    assert leg.large() is None


def test_an_end_without_credit_is_not_asked() -> None:
    leg, link = made()
    leg.allowed.limit = 100
    leg.consumer = Source(bytes(30))  # type: ignore[assignment]
    leg.wake()
    assert pulled(leg)[0] == 0
    link.asked.clear()
    leg.told(HOP_WINDOW)
    assert link.asked == [leg]
    assert pulled(leg)[0] == HEADER_BYTES + 30


def test_what_goes_on_brings_the_neighbour_credit() -> None:
    leg, link = made()
    behind, other_link = made()
    leg.other, behind.other = behind, leg
    behind.granted.take(1000)
    leg.forward(FrameType.DATA, 14, memoryview(bytes(1000)))
    pulled(leg)
    assert other_link.credits == [behind]
    assert link.credits == []


def test_a_cleared_leg_sends_nothing() -> None:
    leg, _ = made()
    leg.forward(FrameType.DATA, 14, memoryview(bytes(100)))
    leg.push(FrameType.KEEP_ALIVE)
    leg.consumer = Source(b"x")  # type: ignore[assignment]
    leg.wake()
    leg.clear()
    assert pulled(leg) == (0, [])
    assert leg.queued_bytes == 0


def test_a_frame_that_does_not_fit_the_first_window_asks_for_a_wide_one_once() -> None:
    leg, link = made()
    leg.allowed.limit = HOP_FIRST
    leg.forward(FrameType.DATA, 14, memoryview(bytes(60_000)))
    assert pulled(leg)[0] == pulled(leg)[0] == 0
    assert link.told == [(FrameType.WANT, 9, 60_000)]
    leg.told(HOP_WINDOW)
    assert pulled(leg)[0] == 60_007
    leg.forward(FrameType.DATA, 14, memoryview(bytes(60_000)))
    leg.allowed.sent = HOP_WINDOW - 1000
    assert pulled(leg)[0] == 0
    assert len(link.told) == 1  # a wide window brings credit by itself


def test_a_recall_is_answered_by_how_far_it_goes_and_what_waits_asks_anew() -> None:
    leg, link = made()
    leg.told(HOP_WINDOW + 1)
    leg.forward(FrameType.DATA, 14, memoryview(bytes(60_000)))
    leg.allowed.sent = 30_000
    link.asked.clear()
    leg.recalled(10_000)
    assert link.told == [(FrameType.RETURN, 9, 30_000)]
    assert link.asked == [leg]
    assert pulled(leg)[0] == 0
    assert link.told[1:] == [(FrameType.WANT, 9, 90_000)]


class Tight:
    """An end whose next unit needs 32 KiB."""

    def pull(self, into: memoryview) -> int:
        if len(into) < 32_768:
            return TIGHT
        into[:32_768] = bytes(32_768)
        return 32_768


def test_a_unit_that_needs_more_room_waits_for_it_and_is_not_forgotten() -> None:
    leg, link = made()
    leg.consumer = Tight()  # type: ignore[assignment]  # as much of one as it needs
    leg.wake()
    assert pulled(leg, 20_000)[0] == FULL  # the next record has more
    leg.allowed.limit = HOP_FIRST
    assert pulled(leg)[0] == 0
    assert link.told == [(FrameType.WANT, 9, MAX_LARGE)]
    link.asked.clear()
    leg.told(HOP_WINDOW)
    assert link.asked == [leg]
    assert pulled(leg)[0] == 32_775
