"""What a run consists of: rows, peers and counts, in turn, so that a busy moment hits all. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

# Rows of one visit to a peer with everything up, in this order; `spawn` is the visit's beginning.
BASE: Final = ("spawn", "ping", "status", "usage", "oneshot", "idle", "stop")
# Rows that need a visit of their own.
VISITS: Final = ("starting", "respawn", "log", "survive")
# Rows of ours alone.
ALONE: Final = ("sampling", "bus", "plugins")
ROWS: Final = (*BASE, *VISITS, *ALONE)


class Visit(NamedTuple):
    """One peer, brought up once for some rows."""

    peer: str
    n: int
    rows: tuple[str, ...]


def visits(rows: Sequence[str], peers: Iterable[str], counts: Iterable[int]) -> list[Visit]:
    """One round: the same thing from peer to peer, then the next thing."""
    peers, counts = tuple(peers), tuple(counts)
    planned = []
    base = tuple(row for row in BASE if row in rows)
    if base:
        planned += [Visit(peer, count, at) for count in counts for peer in peers if (at := _at(base, count))]
    for row in VISITS:
        if row in rows:
            sizes = (1,) if row == "log" else tuple(count for count in counts if count)
            planned += [Visit(peer, count, (row,)) for count in sizes for peer in peers]
    return planned


def _at(base: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Without programs there is nothing to see but the supervisor itself."""
    return base if count else tuple(row for row in base if row == "idle")


def chosen(text: str) -> tuple[str, ...]:
    """Rows by name, in our order; all when none is named. Raises `ValueError` for a name that is none."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = names - set(ROWS)
    if unknown:
        raise ValueError(f"no such row: {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}")
    return tuple(row for row in ROWS if row in names) if names else ROWS
