"""Links that did not answer are remembered for a while, and not too many."""

import uuid

from components.visor.groups.suspects import MOST, SUSPECT_S, Suspects


def test_a_suspect_is_one_for_a_while() -> None:
    suspects, one = Suspects(), uuid.uuid4()
    suspects.add([one], 100.0)
    assert suspects.at(100.0 + SUSPECT_S - 1) == {one}
    assert suspects.at(100.0 + SUSPECT_S) == frozenset()


def test_who_answers_is_none_any_more() -> None:
    suspects, one, other = Suspects(), uuid.uuid4(), uuid.uuid4()
    suspects.add([one, other], 0.0)
    suspects.clear([one, uuid.uuid4()])
    assert suspects.at(1.0) == {other}


def test_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    suspects = Suspects()
    many = [uuid.uuid4() for _ in range(MOST + 2)]
    suspects.add(many[:2], 0.0)
    suspects.add(many[2:], 0.0)
    suspects.add(many[:1], 0.0)
    assert len(suspects.at(1.0)) == MOST
    assert many[0] in suspects.at(1.0)
    assert many[1] not in suspects.at(1.0)
