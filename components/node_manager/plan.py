"""What rules give: a plan of what to change, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from components.mesh.web import Refusal
from components.node_manager.ledger import Change

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class News:
    """Something that changed, as the bus hears it."""

    topic: str
    data: Mapping[str, object]


@dataclass(frozen=True)
class Plan(Generic[T_co]):
    """What a rule decided: the answer, and what changes for it to be true."""

    answer: T_co
    changes: list[Change]
    news: list[News] = field(default_factory=list)


class OutOfStep(Refusal):
    """A number was not the one that is due; `expected` is."""

    def __init__(self, status: int, code: str, text: str, expected: int) -> None:
        super().__init__(status, code, text)
        self.expected = expected
