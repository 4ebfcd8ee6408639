"""Failures that the person's own command tells: no notice says them again. Pure.

While a command that starts something runs, notices of failures wait, as the event comes before the answer.
Once it has answered, those of the instances it named are dropped, also when they come late; the others are
told.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

MOST_HELD: Final = 64  # beyond that, notices are told at once
_FAILURES: Final = frozenset({"app.backoff", "app.fatal"})
_STARTERS: Final = frozenset({"start", "restart", "run", "scale"})
_DID_NOT_START: Final = re.compile(r"\[((?:[\w.\-]{1,63}/)?\d+)\] [^\n]*? did not start: ")


def failed_ids(text: str) -> set[str]:
    """The ids of which an answer says that they did not start."""
    return set(_DID_NOT_START.findall(text))


class Own:
    """Sifts the notices of one prompt."""

    def __init__(self) -> None:
        self._starts = False
        self._held: list[tuple[str, str]] = []
        self._told: frozenset[str] = frozenset()
        self._until = 0.0

    def begins(self, verb: str) -> None:
        """A command is run."""
        self._starts = verb in _STARTERS

    def sift(self, event: Mapping[str, Any], sentence: str) -> str | None:
        """What to say of an event now. Any: JSON, as of `Notices`."""
        if event.get("type") not in _FAILURES:
            return sentence
        about, at = str(event.get("object", "")), event.get("time")
        if about in self._told and isinstance(at, int | float) and at <= self._until:
            return None
        if self._starts and len(self._held) < MOST_HELD:
            self._held.append((about, sentence))
            return None
        return sentence

    def ended(self, ids: Iterable[str], now: float) -> list[str]:
        """The command has answered, and told of these; the notices that were kept back and are news."""
        self._starts = False
        self._told, self._until = frozenset(f"app/{each}" for each in ids), now
        news = [sentence for about, sentence in self._held if about not in self._told]
        self._held.clear()
        return news
