"""Did-you-mean: the likeliest words for a mistyped one. Pure."""

from collections.abc import Iterable
from typing import Final

MOST: Final = 3
_LONGEST: Final = 64  # what is longer is no typing mistake


def distance(left: str, right: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words."""
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        current = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return previous[-1]


def allowed(length: int) -> int:
    """How many mistakes a word of that length may hold and still be recognised."""
    return 1 if length <= 3 else 2 if length <= 7 else 3


def nearest(word: str, known: Iterable[str], most: int = MOST) -> tuple[str, ...]:
    """At most `most` known words, the likeliest first; words that begin with `word` count too."""
    if not word or len(word) > _LONGEST:
        return ()
    scored = []
    typed = word.lower()
    for candidate in set(known):
        score = _score(typed, candidate.lower())
        if score is not None:
            scored.append((*score, candidate))
    return tuple(candidate for *_, candidate in sorted(scored)[:most])


def _score(typed: str, candidate: str) -> tuple[float, bool, float] | None:
    short_for_long = len(candidate) <= 2 < len(typed)  # `sto` means stop, never st
    if short_for_long or (abs(len(typed) - len(candidate)) > 3 and not candidate.startswith(typed)):
        return None
    mistakes: float = distance(typed, candidate)
    if mistakes > allowed(len(typed)):
        if len(typed) < 3 or not candidate.startswith(typed):
            return None
        mistakes = allowed(len(typed)) + 0.5
    from difflib import SequenceMatcher  # late: only a mistake needs it

    likeness = SequenceMatcher(None, typed, candidate, autojunk=False).ratio()
    return mistakes, typed[0] != candidate[0], -likeness
