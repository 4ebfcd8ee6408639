import pytest

from components.visor.plane.streams.life import Half, State
from components.visor.plane.streams.stream import FIN, OPEN, RESET
from tests.support.streams import stream_of


@pytest.mark.parametrize(
    "state, units",
    [(State.OPENING, [OPEN]), (State.RESETTING, [RESET]), (State.OPEN, []), (State.OFFERED, [])],
)
def test_what_may_be_lost_is_said_again(state: State, units: list[int]) -> None:
    assert list(stream_of(state).unconfirmed()) == units


def test_an_end_is_said_again_until_it_is_acknowledged() -> None:
    stream = stream_of(State.OPEN)
    stream.sender.half = Half.ENDING
    stream.sender.say_fin()
    assert list(stream.unconfirmed()) == [FIN]
    stream.sender.acknowledge(1)
    assert list(stream.unconfirmed()) == []


def test_a_stream_ended_when_both_halves_did() -> None:
    stream = stream_of(State.OPEN)
    stream.sender.half = Half.ENDED
    assert not stream.ended
    stream.receiver.half = Half.ENDED
    assert stream.ended
