"""Which faults are done to whom, and how what was seen is judged. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Final, NamedTuple

TARGETS: Final = ("link", "middle", "relay", "setup", "discovery")
FAULTS: Final = ("kill", "freeze", "cut")
STALL_S: Final = 0.5  # the bound
GAP_S: Final = 0.15  # shorter gaps are the machine's
SLOW_S: Final = 1.0  # a dial that took longer is part of what has to recover


class Case(NamedTuple):
    """One fault done to one part."""

    target: str
    fault: str


ALL: Final = tuple(Case(*pair) for pair in product(TARGETS, FAULTS))


class Span(NamedTuple):
    """A time in which something was wrong."""

    began: float
    ended: float


@dataclass(frozen=True)
class Seen:
    """What the apps told of one case."""

    at: float
    """When the fault was done, on the clock of the apps."""
    sent: int
    received: int
    lost: int
    doubled: int
    torn: int
    gaps: Sequence[Span]
    dials: Sequence[Mapping[str, Any]]  # Any: JSON
    faults: Sequence[str]


@dataclass(frozen=True)
class Verdict:
    """One line of the table."""

    target: str
    fault: str
    stall_seconds: float
    lost: int
    doubled: int
    dials: int
    dials_failed: int
    slowest_dial_seconds: float
    recovered_seconds: float
    reasons: Sequence[str]

    @property
    def kept(self) -> bool:
        """Whether the bounds are kept: the stall, and that all came once."""
        return self.stall_seconds <= STALL_S and not self.lost and not self.doubled and not self.reasons

    def row(self) -> dict[str, Any]:  # Any: JSON
        """As it is kept."""
        return {**asdict(self), "kept": self.kept}


def judged(case: Case, seen: Seen) -> Verdict:
    """The figures of one case."""
    after = [gap for gap in seen.gaps if gap.ended > seen.at]
    dials = [dial for dial in seen.dials if dial["ended"] > seen.at]
    failed = [dial for dial in dials if dial["fault"]]
    slow = [dial for dial in dials if dial["ended"] - dial["began"] > SLOW_S]
    wrong = [gap.ended for gap in after if gap.ended - gap.began > GAP_S] + [
        dial["ended"] for dial in (*failed, *slow)
    ]
    return Verdict(
        target=case.target,
        fault=case.fault,
        stall_seconds=round(max((gap.ended - gap.began for gap in after), default=0.0), 3),
        lost=seen.lost + max(0, seen.sent - seen.received - seen.lost) + seen.torn,
        doubled=seen.doubled,
        dials=len(dials),
        dials_failed=len(failed),
        slowest_dial_seconds=round(max((dial["ended"] - dial["began"] for dial in dials), default=0.0), 3),
        recovered_seconds=round(max(wrong, default=seen.at) - seen.at, 3),
        reasons=[*seen.faults, *sorted({dial["fault"] for dial in failed})],
    )


def table(verdicts: Sequence[Verdict]) -> str:
    """Markdown."""
    lines = [
        "| part | fault | stall s | lost | doubled | dials | failed | slowest s | recovered s | kept |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for one in verdicts:
        cells = (
            one.target, one.fault, f"{one.stall_seconds:.3f}", one.lost, one.doubled, one.dials,
            one.dials_failed, f"{one.slowest_dial_seconds:.3f}", f"{one.recovered_seconds:.3f}",
            "yes" if one.kept else "NO",
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for one in verdicts:
        lines += [f"\n{one.target} {one.fault}: {reason}" for reason in one.reasons]
    return "\n".join(lines)
