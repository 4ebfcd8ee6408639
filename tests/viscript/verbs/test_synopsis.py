import pytest

from viscript.verbs.core import builtin
from viscript.verbs.synopsis import hint, synopsis


@pytest.mark.parametrize(
    "verb, line",
    [
        ("ping", "ping TARGET [-c N] [-i S]"),
        ("signal", "signal TARGETS... SIGNAL [--tree]"),
        ("run", "run [-n NAME] [-e K=V] COMMAND..."),
        ("completion", "completion bash|zsh|fish"),
        ("apps", "apps [PATTERN] [-l]"),
    ],
)
def test_a_synopsis_shows_what_is_required_and_what_is_not(verb: str, line: str) -> None:
    found = builtin().get(verb)
    assert found is not None
    assert synopsis(found) == line
    assert hint(found) == line.removeprefix(f"{verb} ")
