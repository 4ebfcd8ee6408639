"""Who holds what an app wants: the facts, and the choice among several suspects. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from viscript.diagnose.bound import Bound
from viscript.diagnose.wanted import Wanted, Weight


class PortConflict(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="port"):
    """A port that somebody else listens on; what is not known is None."""

    port: int
    pid: int | None = None
    process: str | None = None
    id: int | None = None


class FileConflict(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="file"):
    """A file that somebody else has locked, or a socket somebody else listens on."""

    path: str
    pid: int | None = None
    process: str | None = None
    id: int | None = None


Conflict = PortConflict | FileConflict


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A process that holds something; `id` is the seq of the app it belongs to."""

    pid: int
    process: str
    id: int | None = None


def enough(candidates: Iterable[Wanted], *, complained: bool, silent: bool) -> list[Wanted]:
    """The candidates heavy enough: any if the app complained of an address, else the sure ones.

    An app that said nothing at all may have meant a port it was plainly told.
    """
    least = Weight.LOOSE if complained else Weight.NAMED if silent else Weight.OWN
    return [one for one in candidates if one.weight >= least]


def port_conflict(
    candidates: Sequence[Wanted],
    bound: Sequence[Bound],
    *,
    own: int | None,
    holders: Callable[[Bound], Sequence[Holder]],
) -> PortConflict | None:
    """The first candidate that somebody else listens on. `own` is the seq whose tree is no stranger."""
    for one in candidates:
        for listener in bound:
            if not listener.clashes(one.port, one.host):
                continue
            found = holders(listener)
            if own is not None and any(holder.id == own for holder in found):
                continue
            holder = choose(found)
            if holder is None:  # another user's or another container's
                return PortConflict(port=one.port)
            return PortConflict(port=one.port, pid=holder.pid, process=holder.process, id=holder.id)
    return None


def choose(holders: Sequence[Holder]) -> Holder | None:
    """The one to name: an app's first, then the oldest, since workers inherit a socket from its maker."""
    return min(holders, key=lambda holder: (holder.id is None, holder.pid), default=None)
