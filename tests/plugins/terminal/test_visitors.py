"""Who may come, how many at a time, and what is told of them."""

from contextlib import ExitStack

import pytest

from plugins.terminal.visitors import MOST, MOST_OF_ONE, SHOWN, NotAllowed, Use, Visitors

MIKE, JOE = "aa" * 32, "bb" * 32


def test_who_is_not_on_the_list_does_not_come_in_and_is_counted() -> None:
    visitors = Visitors(frozenset({MIKE}))
    with pytest.raises(NotAllowed, match=f"{JOE} is not on the list"), visitors.admitted(JOE):
        pass
    assert (visitors.refused, visitors.figures(0.0)["connections"]) == (1, 0)


def test_one_node_has_a_bound_and_all_have_one() -> None:
    keys = [f"{number:064x}" for number in range(MOST)]
    visitors = Visitors(frozenset(keys))
    with ExitStack() as stack:
        for _ in range(MOST_OF_ONE):
            stack.enter_context(visitors.admitted(keys[0]))
        with pytest.raises(NotAllowed, match="of one node"):
            stack.enter_context(visitors.admitted(keys[0]))
        for number in range(MOST - MOST_OF_ONE):
            stack.enter_context(visitors.admitted(keys[1 + number // MOST_OF_ONE]))
        with pytest.raises(NotAllowed, match="at a time; try again"):
            stack.enter_context(visitors.admitted(keys[-1]))
        assert visitors.figures(0.0)["connections"] == MOST
    with visitors.admitted(keys[-1]):
        assert visitors.figures(0.0)["connections"] == 1


def test_who_is_here_is_shown_and_the_last_who_were() -> None:
    visitors = Visitors(frozenset({MIKE}))
    with visitors.using(Use(MIKE, "shell", 100.0)) as use:
        use.sent += 5
        (row,) = visitors.figures(107.5)["sessions"]
        assert (row["peer"], row["kind"], row["seconds"], row["sent_bytes"]) == (MIKE, "shell", 7.5, 5)
        use.until, use.how = 108.0, "exit 0"
    figures = visitors.figures(200.0)
    assert (figures["open"], figures["served"]) == (0, 1)
    assert [(row["seconds"], row["ended"]) for row in figures["ended"]] == [(8.0, "exit 0")]


def test_what_is_remembered_has_a_bound() -> None:
    visitors = Visitors(frozenset({MIKE}))
    for number in range(SHOWN + 5):
        with visitors.using(Use(MIKE, "shell", float(number))):
            pass
    ended = visitors.figures(0.0)["ended"]
    assert len(ended) == SHOWN
    assert ended[0]["since"] == SHOWN + 4
    assert visitors.served == SHOWN + 5
