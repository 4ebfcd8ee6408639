"""Whether the figures of the two ends agree. Pure.

Bytes go on while figures travel. So what the peer claims has to lie between what was counted here some
seconds ago and what is counted now, each with the tolerance; at rest both are the same.
"""

from __future__ import annotations

from enum import Enum, auto

from components.visor.meter.limits import TOLERANCE
from components.visor.meter.sums import Figures


class Verdict(Enum):
    """On a claim."""

    AGREED = auto()
    MORE = auto()  # the peer claims more than we know of
    LESS = auto()


def judged(claim: int, least: int, most: int) -> Verdict:
    """Whether a claim lies within these bounds."""
    if claim > most * (1 + TOLERANCE):
        return Verdict.MORE
    if claim < least * (1 - TOLERANCE):
        return Verdict.LESS
    return Verdict.AGREED


def agreed(claimed: Figures, floor: Figures, own: Figures) -> bool:
    """Whether both directions agree; `claimed` is turned to our side: what the peer says we sent and got."""
    sent = judged(claimed.sent, floor.sent, own.sent + own.unsure)
    received = judged(claimed.received, floor.received, own.received)
    return sent is Verdict.AGREED and received is Verdict.AGREED


def missing(claimed: Figures, own: Figures) -> Figures:
    """What the peer knows of and we do not: after a kill it may be ours all the same."""
    return Figures(
        max(0, claimed.sent - own.sent - own.unsure),
        max(0, claimed.received - own.received),
    )


def differ(one: int, other: int) -> bool:
    """Whether two sums differ by more than the tolerance."""
    return abs(one - other) > max(one, other) * TOLERANCE
