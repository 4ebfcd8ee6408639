import random
import string

from hypothesis import given
from hypothesis import strategies as st

from viscript.verbs.core import builtin
from viscript.verbs.suggest import MOST, distance, nearest


def typo(word: str, chance: random.Random) -> str:
    """The word with one letter added, lost, changed or swapped."""
    at = chance.randrange(len(word))
    letter = chance.choice(string.ascii_lowercase)
    kind = chance.randrange(4)
    if kind == 0:
        return word[:at] + letter + word[at:]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + letter + word[at + 1 :]
    return word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]


def test_nine_of_ten_typos_are_recognised_first() -> None:
    spellings = builtin().spellings()
    words = [word for word in spellings if len(word) >= 4 and " " not in word]
    chance = random.Random(7)
    asked = hits = 0
    while asked < 1000:
        word = chance.choice(words)
        typed = typo(word, chance)
        if typed in spellings:
            continue
        asked += 1
        hits += nearest(typed, spellings)[:1] == (word,)
    assert hits >= 0.9 * asked


def test_a_swap_is_one_mistake() -> None:
    assert distance("pnig", "ping") == 1


def test_nothing_is_suggested_for_what_is_like_nothing() -> None:
    assert nearest("xqzv", ("ping", "start")) == ()
    assert nearest("", ("ping",)) == ()


def test_the_beginning_of_a_word_suggests_it() -> None:
    assert nearest("res", ("res_usage", "ping")) == ("res_usage",)


@given(st.text(max_size=100), st.lists(st.text(min_size=1, max_size=20)))
def test_any_text_gives_few_known_words(word: str, known: list[str]) -> None:
    found = nearest(word, known)
    assert len(found) <= MOST
    assert set(found) <= set(known)


@given(st.text(max_size=12), st.text(max_size=12))
def test_the_distance_is_the_same_both_ways(left: str, right: str) -> None:
    assert distance(left, right) == distance(right, left)
    assert (distance(left, right) == 0) == (left == right)
