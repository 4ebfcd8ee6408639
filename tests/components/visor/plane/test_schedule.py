from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from components.visor.plane.schedule import Schedule

FRAME = 60_000


class Sender:
    def __init__(self, name: str, has: int) -> None:
        self.name = name
        self.has = has
        self.deficit = 0
        self.waiting = False


def served(
    schedule: Schedule[Sender], until: Callable[[], bool] = lambda: False, frame: int = FRAME
) -> list[str]:
    """Who sent, frame by frame, until nobody has anything."""
    turns = []
    while not until() and (sender := schedule.head()) is not None:
        size = min(sender.has, frame)
        if size:
            sender.has -= size
            schedule.sent(sender, size)
            turns.append(sender.name)
        else:
            schedule.idle(sender)
    return turns


def test_who_has_little_goes_before_who_has_much() -> None:
    schedule: Schedule[Sender] = Schedule()
    bulk, small = Sender("bulk", 20 * FRAME), Sender("small", 0)
    schedule.add(bulk)
    served(schedule, lambda: bulk.has <= 15 * FRAME)
    small.has = 64
    schedule.add(small)
    assert served(schedule)[0] == "small"


def test_bulk_senders_take_turns() -> None:
    schedule: Schedule[Sender] = Schedule()
    for name in "abc":
        schedule.add(Sender(name, 30 * FRAME))
    turns = served(schedule)
    assert len(turns) == 90
    for at in range(0, 90, 9):
        assert {turns[at : at + 9].count(name) for name in "abc"} == {3}


def test_one_that_comes_back_at_once_does_not_starve_the_others() -> None:
    schedule: Schedule[Sender] = Schedule()
    bulk, eager = Sender("bulk", 50 * FRAME), Sender("eager", 4000)
    schedule.add(bulk)
    served(schedule, lambda: bulk.has < 50 * FRAME)
    before, eaten = bulk.has, 0
    for _ in range(200):
        schedule.add(eager)
        sender = schedule.head()
        assert sender is not None
        size = min(sender.has, FRAME)
        schedule.sent(sender, size)
        if sender is eager:
            eaten += size
            schedule.idle(sender)
        else:
            sender.has -= size
    assert before - bulk.has >= eaten > 0


def test_a_removed_one_is_not_served() -> None:
    schedule: Schedule[Sender] = Schedule()
    gone, stays = Sender("gone", 10), Sender("stays", 10)
    schedule.add(gone)
    schedule.add(stays)
    schedule.remove(gone)
    schedule.remove(gone)
    assert served(schedule) == ["stays"]
    assert len(schedule) == 0


MOST_FRAMES = 200


@st.composite
def works(draw: st.DrawFn) -> tuple[int, list[int]]:
    """The size of a frame, and what each sender has: not more frames than tell something."""
    frame = draw(st.integers(1, 65_535))
    most = min(400_000, MOST_FRAMES * frame)
    return frame, draw(st.lists(st.integers(0, most), max_size=12))


@given(works())
def test_everybody_is_served_in_the_end(work: tuple[int, list[int]]) -> None:
    frame, loads = work
    schedule: Schedule[Sender] = Schedule()
    senders = [Sender(str(index), has) for index, has in enumerate(loads)]
    for sender in senders:
        schedule.add(sender)
        schedule.add(sender)
    served(schedule, frame=frame)
    assert [sender.has for sender in senders] == [0] * len(senders)
    assert len(schedule) == 0


def test_one_that_was_removed_while_it_was_asked_takes_nobodys_place() -> None:
    schedule: Schedule[Sender] = Schedule()
    first, second = Sender("first", 1), Sender("second", 1)
    schedule.add(first)
    schedule.add(second)
    assert schedule.head() is first
    schedule.remove(first)
    schedule.idle(first)
    assert schedule.head() is second
    schedule.remove(second)
    schedule.idle(second)
    assert schedule.head() is None
