"""What somebody who wrote an unknown word probably meant. Pure."""

from collections.abc import Collection, Iterable
from typing import Final

# Comparing takes a while; among more words, those with the most letters in the same place are compared.
MAX_COMPARED: Final = 200

# How other supervisors spell what an app says here.
ELSEWHERE: Final = {
    "autorestart": "restart.policy",
    "cmd": "command",
    "depends_on": "needs",
    "description": "desc",
    "directory": "cwd",
    "environment": "env",
    "exec": "command",
    "max_restarts": "restart.burst",
    "numprocesses": "instances",
    "numprocs": "instances",
    "script": "path",
    "startretries": "restart.burst",
    "startsecs": "settle",
    "stderr_logfile": "output.file",
    "stdout_logfile": "output.file",
    "stopsignal": "stop.signal",
    "stopwaitsecs": "stop.grace",
    "working_dir": "cwd",
}


def look_alikes(word: str, words: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> tuple[str, ...]:
    """The words that look like it, the likeliest first."""
    from difflib import get_close_matches  # late: only a mistake needs it

    return tuple(get_close_matches(word, list(words), n=most, cutoff=cutoff))


def closest_word(word: str, words: Collection[str]) -> str:
    """The closest of the words, or nothing when none is close."""
    if len(words) > MAX_COMPARED:
        words = sorted(words, key=lambda known: _same_places(word, known), reverse=True)[:MAX_COMPARED]
    folded = {known.casefold(): known for known in sorted(words, reverse=True)}
    swapped = (known for known in folded if sorted(known) == sorted(word.casefold()))
    found = (*look_alikes(word.casefold(), folded), *swapped)
    return folded[found[0]] if found else ""


def _same_places(word: str, known: str) -> int:
    return sum(one == other for one, other in zip(word, known, strict=False))


def closest(word: str, words: Collection[str]) -> str:
    """`did you mean "..."?` for the closest of the words, or nothing."""
    found = closest_word(word, words)
    return mean(found) if found else ""


def mean(word: str) -> str:
    """The suggestion of one word."""
    return f'did you mean "{word}"?'
