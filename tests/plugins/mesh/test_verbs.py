"""The table of the verbs."""

import pytest

from plugins.mesh.verbs import VERBS
from viscript.plugin import Role
from viscript.verbs.core import builtin

CHANGING = {"tp add", "tp rm", "mesh name", "mesh nc", "msg", "node add-tp", "node rm-tp"}


def test_looking_needs_less_than_changing() -> None:
    assert {spec.name for spec, _ in VERBS if spec.role is Role.OPERATE} == CHANGING


def test_no_spelling_is_taken() -> None:
    ours = [spelling for spec, _ in VERBS for spelling in (spec.name, *spec.aliases)]
    assert len(set(ours)) == len(ours)
    assert not set(ours) & set(builtin().spellings())


@pytest.mark.parametrize("first, actions", [("tp", 4), ("route", 5), ("mesh", 6), ("node", 3), ("meter", 2)])
def test_actions_are_completed_as_second_words(first: str, actions: int) -> None:
    ours = [spelling for spec, _ in VERBS for spelling in (spec.name, *spec.aliases)]
    assert sum(spelling.startswith(f"{first} ") for spelling in ours) == actions
