"""New ids and names: the sequence counter, `NAME#2`, and which instances are kept in sight. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase

ENDED: Final = frozenset({Phase.STOPPED, Phase.DONE, Phase.FATAL})
ENDED_KEPT: Final = 1_000


def free_name(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """`wanted`, or `wanted#2`, `wanted#3` ... when another has it."""
    if not is_taken(wanted):
        return wanted
    number = 2
    while is_taken(f"{wanted}#{number}"):
        number += 1
    return f"{wanted}#{number}"


def to_forget(managed: Iterable[Managed], kept: int = ENDED_KEPT) -> list[int]:
    """The ids of the oldest ended instances beyond the bound."""
    ended = sorted(
        (m.since, m.seq) for m in managed if m.phase in ENDED and not m.configured and not _is_new(m)
    )
    return [seq for _, seq in ended[: max(0, len(ended) - kept)]]


def _is_new(managed: Managed) -> bool:
    """It was only just made, and is about to be started."""
    return managed.generation == 0 and not managed.reason


def in_sight(managed: Managed, *, ended: bool) -> bool:
    """Whether `la` shows it: what lives, failed or is to run, and everything when asked."""
    return ended or managed.phase not in (Phase.STOPPED, Phase.DONE) or managed.next_run is not None
