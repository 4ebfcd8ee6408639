"""Terms, default targets, aliases."""

from pathlib import Path

import pytest

from viscript.errors import ExitCode, VerbError
from viscript.repl.session import MOST_TERMS, Session, load_aliases, save_aliases
from viscript.verbs.core import builtin

TABLE = builtin()


def test_the_prompt_shows_term_and_target_where_there_are_any() -> None:
    session = Session()
    assert session.prompt() == "viscript> "
    session.term.target = "web"
    assert session.prompt() == "viscript(web)> "
    session.new_term("7")
    assert session.prompt() == "viscript 2(7)> "
    session.term.host = "m2"
    assert session.prompt() == "viscript 2(m2/7)> "
    session.term.target = ""
    assert session.prompt() == "viscript 2(m2/)> "


def test_terms_open_close_and_are_focused() -> None:
    session = Session()
    second, third = session.new_term(), session.new_term("web")
    assert (second.id, third.id, session.focused) == (2, 3, 3)
    session.close_term("")
    assert session.focused == 1
    assert session.new_term().id == 3
    with pytest.raises(VerbError) as error:
        session.find_term("9")
    assert error.value.code is ExitCode.NOT_FOUND


def test_the_last_term_stays_and_their_number_is_bounded() -> None:
    session = Session()
    with pytest.raises(VerbError, match="last term"):
        session.close_term("1")
    for _ in range(MOST_TERMS - 1):
        session.new_term()
    with pytest.raises(VerbError, match="close one"):
        session.new_term()


@pytest.mark.parametrize(
    "line, meant",
    [
        (["ping"], ["ping", "7"]),
        (["ping", "8"], ["ping", "8"]),
        (["ping", "-c", "3"], ["ping", "7", "-c", "3"]),
        (["sd"], ["sd", "7"]),
        (["signal", "HUP"], ["signal", "7", "HUP"]),
        (["la"], ["la"]),
        (["ru"], ["ru"]),
        (["nonsense"], ["nonsense"]),
        ([], []),
    ],
)
def test_a_missing_target_is_the_terms_own(line: list[str], meant: list[str]) -> None:
    session = Session()
    session.term.target = "7"
    assert session.expand(line, TABLE) == meant


def test_without_a_default_target_nothing_is_filled_in() -> None:
    assert Session().expand(["ping"], TABLE) == ["ping"]


def test_an_alias_is_replaced_once() -> None:
    session = Session(aliases={"up": "la --failed", "la": "ping"})
    assert session.expand(["up", "-a"], TABLE) == ["la", "--failed", "-a"]


def test_aliases_survive_and_a_damaged_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "aliases.json"
    assert load_aliases(path) == {}
    save_aliases(path, {"up": "la"})
    assert load_aliases(path) == {"up": "la"}
    path.write_text("[1")
    assert load_aliases(path) == {}
    path.write_text('{"a": 1, "b": "la"}')
    assert load_aliases(path) == {"b": "la"}


def test_a_line_of_the_documentation_may_be_pasted_as_it_is() -> None:
    session = Session(aliases={"up": "la -a"})
    assert session.expand(["viscript", "ping", "7"], TABLE) == ["ping", "7"]
    assert session.expand(["viscript", "up"], TABLE) == ["la", "-a"]
    assert session.expand(["viscript"], TABLE) == ["viscript"]
