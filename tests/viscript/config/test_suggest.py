import pytest

from viscript.config.convert import known_keys
from viscript.config.model import App
from viscript.config.suggest import ELSEWHERE, closest, closest_word


@pytest.mark.parametrize(
    "word, meant", [("deamon", "daemon"), ("Desc", "desc"), ("pahT", "path"), ("xyzzy", "")]
)
def test_a_typo_finds_the_word(word: str, meant: str) -> None:
    assert closest_word(word, known_keys(App)) == meant


def test_swapped_letters_of_a_short_word_are_found() -> None:
    assert closest("bd", ["db", "web"]) == 'did you mean "db"?'


def test_among_many_words_only_a_few_are_compared() -> None:
    many = [f"app{number}" for number in range(5000)]
    assert closest_word("apq4999", many).startswith("app")
    assert closest_word("web", many) == ""


def test_foreign_spellings_lead_to_keys_that_exist_and_are_none_themselves() -> None:
    assert {key.partition(".")[0] for key in ELSEWHERE.values()} <= set(known_keys(App))
    assert not ELSEWHERE.keys() & set(known_keys(App))
