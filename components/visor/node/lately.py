"""Answers that serve once more for a moment: many who ask the same thing at once cost one request. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")


class Lately(Generic[K, A]):
    """Answers by question. `now` is monotonic seconds; past `most` questions the oldest is forgotten."""

    def __init__(self, keep_s: float, most: int) -> None:
        self._keep_s = keep_s
        self._most = most
        self._answers: dict[K, tuple[float, A]] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, question: K, now: float) -> A | None:
        """What was answered a moment ago."""
        then, answer = self._answers.get(question, (now - self._keep_s, None))
        return answer if now - then < self._keep_s else None

    def put(self, question: K, answer: A, now: float) -> None:
        """Keep an answer."""
        self._answers.pop(question, None)
        self._answers[question] = (now, answer)
        if len(self._answers) > self._most:
            del self._answers[next(iter(self._answers))]

    def clear(self) -> None:
        """What was answered holds no more."""
        self._answers.clear()
