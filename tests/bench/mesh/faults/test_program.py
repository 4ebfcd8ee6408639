"""Waiting for what must come to be."""

import pytest

from bench.mesh.faults.program import Trouble, until


def test_it_is_asked_until_it_is_so() -> None:
    answers = iter([False, Trouble("not yet"), True])

    def probe() -> object:
        answer = next(answers)
        if isinstance(answer, Trouble):
            raise answer
        return answer

    until(probe)
    assert list(answers) == []


def test_what_does_not_come_to_be_is_told() -> None:
    with pytest.raises(Trouble, match="does not come to be"):
        until(lambda: False, 0)


def test_the_last_trouble_is_told() -> None:
    def probe() -> object:
        raise Trouble("A: no route")

    with pytest.raises(Trouble, match="A: no route"):
        until(probe, 0)
