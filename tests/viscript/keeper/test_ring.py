"""The newest events, by cursor."""

from viscript.keeper.ring import LIFE, Ring


def test_a_reader_gets_what_came_after_its_cursor() -> None:
    ring = Ring(2)
    cursors = [ring.add("out", 1.0, {"seq": n})["cursor"] for n in range(5)]
    events, gap = ring.after(cursors[2])
    assert ([event["seq"] for event in events], gap) == ([3, 4], False)
    assert ring.after(cursors[4]) == ([], False)


def test_a_new_reader_gets_none() -> None:
    ring = Ring(1)
    ring.add("out", 1.0, {})
    assert ring.after(None) == ([], False)


def test_what_fell_out_is_a_gap_and_the_rest_is_told() -> None:
    ring = Ring(1, kept=3)
    first = ring.add("out", 1.0, {})["cursor"]
    for _ in range(5):
        ring.add("out", 1.0, {})
    events, gap = ring.after(first)
    assert gap
    assert len(events) == 3


def test_the_last_cursor_before_the_kept_ones_is_no_gap() -> None:
    ring = Ring(1, kept=3)
    cursors = [ring.add("out", 1.0, {})["cursor"] for _ in range(6)]
    assert not ring.after(cursors[2])[1]
    assert ring.after(cursors[1])[1]


def test_a_cursor_of_another_life_is_a_gap() -> None:
    ring = Ring(2)
    assert ring.after(LIFE + 5)[1]
    assert ring.after(3 * LIFE)[1]


def test_an_upgrade_goes_on_counting() -> None:
    old, new = Ring(1), Ring(2)
    cursor = old.add("out", 1.0, {})["cursor"]
    old.add("exited", 2.0, {})
    new.restore(old.dump(), old.next_cursor)
    events, gap = new.after(cursor)
    assert ([event["ev"] for event in events], gap) == (["exited"], False)
    assert new.add("out", 3.0, {})["cursor"] == cursor + 2
