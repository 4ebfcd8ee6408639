"""Who is let in by which bus key, and whose role was lowered. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from signal_bus.ids import CurveKey, PublicKey
from viscript.cluster.model import RANKS, Member


def curves(members: Mapping[PublicKey, Member]) -> dict[CurveKey, PublicKey]:
    """Whose each bus key is. Of hosts that claim the same, the higher role has it, then the smaller key.

    A bus key stands in the record of a member as the member gave it when it joined, so one could
    name another's: it gains nothing by it, and keeps nobody of a higher role away.
    """
    found: dict[CurveKey, PublicKey] = {}
    for member in sorted(members.values(), key=lambda one: (-RANKS[one.role], one.key)):
        found.setdefault(member.curve, member.key)
    return found


def lowered(before: Mapping[PublicKey, Member], after: Mapping[PublicKey, Member]) -> list[PublicKey]:
    """The hosts that may do less now than before."""
    return [
        key for key, member in after.items() if key in before and RANKS[member.role] < RANKS[before[key].role]
    ]
