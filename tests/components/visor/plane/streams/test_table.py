import pytest

from components.visor.plane.streams.errors import LimitError
from components.visor.plane.streams.life import State
from components.visor.plane.streams.table import Streams
from tests.support.streams import stream_of


@pytest.mark.parametrize("initiator, ids", [(True, [2, 4, 6]), (False, [1, 3, 5])])
def test_each_side_has_ids_of_its_own(initiator: bool, ids: list[int]) -> None:
    streams = Streams(initiator=initiator, most=10)
    assert [streams.next_id() for _ in range(3)] == ids
    assert all(streams.ours(id) and not streams.ours(id + 1) for id in ids)


def test_an_id_is_known_from_its_first_use_on() -> None:
    streams = Streams(initiator=True, most=10)
    assert not streams.known(2)
    streams.next_id()
    assert streams.known(2)
    assert not streams.known(5)
    streams.saw(5)
    assert streams.known(3)
    assert streams.known(5)
    assert not streams.known(7)
    streams.restarted()
    assert not streams.known(5)


def test_too_many_are_refused() -> None:
    streams = Streams(initiator=True, most=1)
    streams.add(stream_of(State.OPEN))
    assert streams.full
    with pytest.raises(LimitError, match="1 streams are open"):
        streams.next_id()
    streams.forget(2)
    assert len(streams) == 0
    assert streams.next_id() == 2


def test_ids_are_never_used_again() -> None:
    streams = Streams(initiator=False, most=1, last_id=3)
    assert [streams.next_id() for _ in range(2)] == [1, 3]
    with pytest.raises(LimitError, match="a new group"):
        streams.next_id()
