"""The zoo: enough animals, all of them programs, none without end."""

import re

from viscript.prove.zoo import ZOO


def test_there_are_eight_animals_or_more() -> None:
    assert len(ZOO) >= 8


def test_each_is_a_program_that_says_it_is_up_and_ends_by_itself() -> None:
    for name, text in ZOO.items():
        compile(text, name, "exec")
        assert "up" in text, name
        assert re.search(r"sleep\(120\)", text), name
