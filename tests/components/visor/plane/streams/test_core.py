import pytest

from components.visor.plane.streams.api import Code
from components.visor.plane.streams.core import Core
from components.visor.plane.streams.errors import UnitError
from components.visor.plane.streams.life import Event, State
from components.visor.plane.streams.limits import GOODBYES_MAX
from components.visor.plane.streams.stream import ACK, RESET, Stream
from components.visor.plane.streams.table import Streams
from components.visor.plane.unit import Kind
from tests.support.streams import App, Side


def core_of() -> Core:
    side = Side(initiator=True, incarnation=1)
    return Core(Streams(initiator=True, most=10), side.memory, side)


def open_stream(core: Core) -> tuple[Stream, App]:
    stream = core.create(core.streams.next_id(), State.OPEN, port=1, source=2, now=0.0)
    app = App()
    stream.endpoint = app
    return stream, app


def test_a_stream_that_is_broken_off_gives_its_memory_back_and_waits_for_gone() -> None:
    core = core_of()
    stream, app = open_stream(core)
    core.turn(stream, Event.BROKE_OFF, Code.GONE)
    assert core.memory.receiving.used == 0
    assert (app.codes, stream.pending, len(core.streams)) == ([Code.GONE], RESET, 1)
    core.turn(stream, Event.GONE)
    assert len(core.streams) == 0


def test_a_reset_by_the_peer_is_answered_and_told_once() -> None:
    core = core_of()
    stream, app = open_stream(core)
    for _ in range(2):
        core.turn(stream, Event.WAS_RESET, 300)
    assert core.goodbyes == {stream.id: (Kind.GONE, 0)}
    assert app.codes == [300]


def test_what_is_forgotten_has_nothing_more_to_say() -> None:
    core = core_of()
    stream, _ = open_stream(core)
    core.turn(stream, Event.BROKE_OFF, Code.GONE)
    assert stream.pending == RESET
    core.turn(stream, Event.RESTARTED)
    assert (stream.pending, len(core.streams)) == (0, 0)


def test_answers_for_streams_that_are_not_there_have_a_bound() -> None:
    core = core_of()
    for id in range(1, GOODBYES_MAX + 1):
        core.goodbye(id, Kind.GONE, 0)
    core.goodbye(1, Kind.GONE, 0)
    with pytest.raises(UnitError, match="too many"):
        core.goodbye(GOODBYES_MAX + 1, Kind.GONE, 0)


def test_a_late_acknowledgement_goes_out_when_its_delay_is_over() -> None:
    core = core_of()
    stream, _ = open_stream(core)
    stream.receiver.expected = 5
    core.late.append(stream)
    core.ack_due = 1.0
    core.acknowledge_late(0.9)
    assert not stream.pending
    core.acknowledge_late(1.0)
    assert stream.pending == ACK
    assert core.ack_due is None


def test_an_app_that_is_gone_breaks_its_stream_off() -> None:
    core = core_of()
    stream, app = open_stream(core)
    stream.receiver.broken = True
    core.settle(stream)
    assert (stream.state, app.codes) == (State.RESETTING, [Code.GONE])


def test_a_closed_core_holds_nothing() -> None:
    core = core_of()
    core.messages.put(1, 2, b"x")
    core.goodbye(1, Kind.GONE, 0)
    core.close()
    assert not core.messages
    assert not core.goodbyes
