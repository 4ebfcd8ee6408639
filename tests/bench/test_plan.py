"""Which visits a run makes."""

import pytest

from bench.plan import ROWS, Visit, chosen, visits


def test_rows_are_chosen_by_name_in_the_order_of_the_run() -> None:
    assert chosen("respawn, spawn") == ("spawn", "respawn")


def test_no_name_means_all() -> None:
    assert chosen("") == ROWS


def test_an_unknown_row_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no such row: sprawn; there are: spawn, ping"):
        chosen("sprawn")


def test_peers_take_turns_within_each_row() -> None:
    assert visits(("ping", "spawn", "respawn"), ["a", "b"], [10]) == [
        Visit("a", 10, ("spawn", "ping")),
        Visit("b", 10, ("spawn", "ping")),
        Visit("a", 10, ("respawn",)),
        Visit("b", 10, ("respawn",)),
    ]


def test_without_programs_only_the_supervisor_itself_is_looked_at() -> None:
    assert visits(("spawn", "idle", "respawn"), ["a"], [0]) == [Visit("a", 0, ("idle",))]
    assert visits(("spawn",), ["a"], [0]) == []


def test_the_log_row_has_one_program() -> None:
    assert visits(("log",), ["a"], [0, 1000]) == [Visit("a", 1, ("log",))]
