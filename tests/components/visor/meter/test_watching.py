import pytest

from components.visor.apps.streams import OpenStream
from components.visor.meter import watching
from components.visor.meter.limits import LINGER_S
from components.visor.meter.sums import Line, Sums
from components.visor.meter.watching import Watch, line_of
from components.visor.plane.streams.life import State
from components.visor.plane.streams.stream import Stream
from components.visor.plane.streams.tally import Tally
from tests.support.mesh import BOB
from tests.support.streams import stream_of

DAY = 5
LINE = Line(BOB.public_key, 700, dialled=True)


class Made:
    """A stream whose counts the test sets."""

    def __init__(self, watch: Watch, *, dialled: bool = True) -> None:
        self.stream: Stream = stream_of(State.OPEN)
        ports = (50_000, 700) if dialled else (700, 50_000)
        self.open = OpenStream(1, BOB.public_key, *ports, dialled)
        watch.add("app", self.open, Tally(self.stream), 100.0)

    def moved(self, sent: int, received: int, *, unsure: int = 0) -> None:
        sender = self.stream.sender
        sender.acknowledged = sent
        sender.highest = sent + unsure
        sender.store.end = sent + unsure
        self.stream.receiver.expected = received


@pytest.fixture
def watch() -> Watch:
    return Watch(Sums())


def sums_of(watch: Watch) -> tuple[int, int]:
    row = watch._sums.row(DAY, LINE)
    return row.sent, row.received


def test_each_byte_is_counted_once(watch: Watch) -> None:
    made = Made(watch)
    for sent, received in ((10, 0), (10, 0), (25, 7)):
        made.moved(sent, received)
        watch.look(DAY, 101.0)
        watch.look_at(LINE, DAY)
        assert sums_of(watch) == (sent, received)


def test_the_line_has_the_port_that_was_dialled(watch: Watch) -> None:
    assert line_of(Made(watch).open) == LINE
    assert line_of(Made(watch, dialled=False).open) == Line(BOB.public_key, 700, dialled=False)


def test_a_stream_that_ended_between_two_looks_is_counted(watch: Watch) -> None:
    made = Made(watch)
    made.moved(10, 5)
    made.open.over = True
    made.stream.state = State.CLOSED
    watch.look(DAY, 101.0)
    assert sums_of(watch) == (10, 5)
    assert list(watch) == []
    assert watch.live(LINE) == 0


def test_a_stream_that_was_broken_off_is_watched_until_its_peer_told(watch: Watch) -> None:
    made = Made(watch)
    made.moved(10, 0, unsure=90)
    made.open.over = True
    made.stream.state = State.RESETTING
    watch.look(DAY, 101.0)
    assert (watch.live(LINE), watch.unsure(LINE)) == (1, 90)
    made.moved(60, 0)
    made.stream.state = State.CLOSED
    watch.look(DAY, 102.0)
    assert (sums_of(watch), watch.unsure(LINE)) == ((60, 0), 0)


def test_what_the_peer_never_told_stays_in_doubt_until_it_is_cleared_up(watch: Watch) -> None:
    made = Made(watch)
    made.moved(10, 0, unsure=90)
    made.open.over = True
    made.stream.state = State.RESETTING
    watch.look(DAY, 101.0)
    assert watch.clear_up(LINE, 50) == 0
    watch.look(DAY, 101.0 + LINGER_S)
    assert (watch.live(LINE), watch.unsure(LINE)) == (0, 90)
    assert watch.clear_up(LINE, 50) == 50
    assert watch.clear_up(LINE, 50) == 40
    watch.look(DAY, 140.0)
    assert watch.unsure(LINE) == 0
    assert watch.clear_up(LINE, 1) == 0


def test_doubts_about_too_many_lines_are_forgotten(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LINES_A_DAY", 0)
    made = Made(watch)
    made.moved(10, 0, unsure=90)
    made.open.over = True
    watch.look(DAY, 101.0)
    watch.look(DAY, 101.0 + LINGER_S)
    assert watch.unsure(LINE) == 0


def test_a_speed_follows_what_moves(watch: Watch) -> None:
    made = Made(watch)
    for second in range(1, 20):
        made.moved(1000 * second, 10 * second)
        watch.look(DAY, 100.0 + second)
    (watched,) = watch
    assert watched.sent_speed == pytest.approx(1000, rel=0.01)
    assert watched.received_speed == pytest.approx(10, rel=0.01)
    watch.look(DAY, 119.0)
    assert watched.sent_speed == pytest.approx(1000, rel=0.01)
    for second in range(20, 40):
        watch.look(DAY, 100.0 + second)
    assert watched.sent_speed < 1


class Itself(OpenStream):
    """A stream that may be compared with no other: with thousands of them that would take seconds."""

    __hash__ = None  # type: ignore[assignment] # nor is it looked up

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")


def test_streams_that_end_together_are_not_compared_with_each_other(watch: Watch) -> None:
    for _ in range(3):
        open_ = Itself(1, BOB.public_key, 50_000, 700, True)
        open_.over = True
        watch.add("app", open_, Tally(stream_of(State.OPEN)), 100.0)
    watch.look(DAY, 101.0)
    watch.look(DAY, 102.0 + LINGER_S)
    assert list(watch) == []
