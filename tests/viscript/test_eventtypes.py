"""Every type that the code tells is described, and nothing else is; the page is current."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from viscript.events import EventLog
from viscript.eventtypes import EVENT_TYPES, page
from viscript.repl import notices
from viscript.states import State
from viscript.supervisor.conductor import KEEPER_EVENTS

ROOT = Path(__file__).resolve().parents[2]
PREFIXES = {kind.partition(".")[0] for kind in EVENT_TYPES}
TELLERS = {"tell", "_tell", "_announce"}


def literals() -> Iterator[tuple[str, str]]:
    """Place and value of each literal that is told as a type of event, or compared with one."""
    for path in sorted((ROOT / "viscript").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for constant in _types_in(node):
                yield f"{path.relative_to(ROOT)}:{constant.lineno}", str(constant.value)


def _types_in(node: ast.AST) -> list[ast.Constant]:
    found: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TELLERS:
        found = node.args[:1]
    elif isinstance(node, ast.Compare) and _is_type(node.left):
        found = [node.comparators[0]]
        if isinstance(found[0], ast.Tuple):
            found = found[0].elts
    constants = [one for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return [
        one for one in constants if str(one.value).partition(".")[0] in PREFIXES and "." in str(one.value)
    ]


def _is_type(node: ast.expr) -> bool:
    by_name = isinstance(node, ast.Attribute) and node.attr == "type"
    by_key = (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and node.slice.value == "type"
    )
    return by_name or by_key


def test_every_type_in_the_code_is_described() -> None:
    told = list(literals())
    assert len(told) >= 6
    assert [f"{place} {kind}" for place, kind in told if kind not in EVENT_TYPES] == []


def test_every_state_and_every_word_of_the_keeper_has_its_type() -> None:
    assert {f"app.{state}" for state in State} <= EVENT_TYPES.keys()
    assert set(KEEPER_EVENTS.values()) <= EVENT_TYPES.keys()


def test_the_prompt_listens_to_types_that_exist() -> None:
    assert notices._TELLERS.keys() <= EVENT_TYPES.keys()


def test_every_type_is_told_somewhere() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "viscript").rglob("*.py"))
    built = {f"app.{state}" for state in State}  # from the word of the state, in `_announce`
    assert [kind for kind in EVENT_TYPES if kind not in built and text.count(f'"{kind}"') < 2] == []


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
def test_every_type_says_when_and_what_in_words(kind: str) -> None:
    entry = EVENT_TYPES[kind]
    assert entry.told.endswith(".")
    assert all(entry.fields.values())


def test_an_event_nobody_described_is_refused() -> None:
    events = EventLog("h")
    with pytest.raises(ValueError, match="no type of event"):
        events.tell("app.dancing", "app/7", now=0.0)
    assert events.next_cursor == 1


def test_the_written_page_is_current() -> None:
    written = (ROOT / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -P -m viscript.reference docs/reference"
