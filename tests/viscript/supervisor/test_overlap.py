"""What becomes of a run that is due, in every phase."""

from itertools import product
from typing import get_args

from viscript.config.model import Schedule
from viscript.supervisor.lifecycle import Phase, Trigger, decided
from viscript.supervisor.overlap import MOVES, Move, Overlap


def test_every_pair_is_decided() -> None:
    assert MOVES.keys() == set(product(Overlap, Phase))


def test_the_words_are_those_of_the_configuration() -> None:
    words = Schedule.__annotations__["overlap"]
    assert set(get_args(words)) == set(Overlap)


def test_what_is_to_be_done_changes_something() -> None:
    for (_, phase), move in MOVES.items():
        if move is Move.BEGIN:
            assert decided(phase, Trigger.START)
        if move is Move.REPLACE:
            assert decided(phase, Trigger.RESTART)


def test_nothing_is_doubled_whatever_is_chosen() -> None:
    busy = (Phase.STARTING, Phase.RUNNING, Phase.READY, Phase.STOPPING, Phase.WAITING, Phase.CYCLING)
    assert all(MOVES[overlap, phase] is not Move.BEGIN for overlap in Overlap for phase in busy)
