"""Which faults are done to whom, and how what was seen is judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple

OVERLAP_S: Final = 2.0  # after a thaw
NOTICED_S: Final = {"suspect_s": 6.0, "down_s": 16.0}  # 5 and 15, and a look each second
ELSEWHERE_S: Final = 20.0
ELSEWHERE_WITH_LEADER_S: Final = 25.0
STALL_S: Final = 3.0  # where the engine keeps its majority, and a leader is killed
SILENT_STALL_S: Final = 5.0  # where one freezes or is cut off, and nobody is told
BACK_S: Final = 60.0


class Case(NamedTuple):
    """One fault done to one part; how long it lasts."""

    target: str
    fault: str
    hold_s: float

    @property
    def name(self) -> str:
        """As it is chosen."""
        return f"{self.target}.{self.fault}"


WITHOUT_STORE: Final = frozenset({"majority", "primary"})  # as long as these are away, changes wait
HOST_S: Final = 26.0
LOSES: Final = frozenset(
    {"kill", "power", "kill-with-leader", "stop", "freeze", "cut", "cut-from-engine", "cut-out", "cut-in"}
)
GOES_DOWN: Final = LOSES - {"cut-from-engine"} | {"cut-from-hosts"}
FROZEN: Final = frozenset({"stop", "freeze"})

ALL: Final = (
    *(Case(whom, fault, 10.0) for whom in ("member", "leader") for fault in ("kill", "freeze", "cut")),
    *(Case("majority", fault, 120.0) for fault in ("kill", "freeze", "cut")),
    *(
        Case("host", fault, HOST_S)
        for fault in (
            "kill", "power", "kill-with-leader", "stop", "freeze",
            "cut", "cut-from-engine", "cut-from-hosts", "cut-out", "cut-in",
        )
    ),
    *(Case(whom, fault, HOST_S) for whom in ("guest", "primary") for fault in ("kill", "freeze", "cut")),
    Case("daemon", "kill", 0.5),
    Case("daemon", "freeze", HOST_S),
    Case("keeper", "kill", 0.5),
    Case("keeper", "freeze", 12.0),
    Case("both", "kill", 1.0),
    Case("both", "freeze", HOST_S),
    Case("warden", "kill", 0.5),
    Case("warden", "freeze", 5.0),
    Case("disk", "full", 15.0),
    *(Case("clock", jump, 15.0) for jump in ("+1h", "-1h", "+400d", "-400d")),
)  # fmt: skip
TARGETS: Final = tuple(dict.fromkeys(case.target for case in ALL))


@dataclass(frozen=True)
class Verdict:
    """One line of the table: what one fault did."""

    target: str
    fault: str
    victim: str
    stall_s: float
    acknowledged: int
    lost: int
    doubled: int
    unclear: int
    two_with_current_fence: int
    overlap_s: float
    stopped: int
    """Ordinary apps that ended, on hosts that were not killed."""
    exclusive_ended: int
    """Exclusive ones that ended on other hosts than the harmed one."""
    suspect_s: float | None
    down_s: float | None
    elsewhere_s: float | None
    back_s: float | None
    """From the mending until all is as it was; None: it never was."""
    notes: Sequence[str] = ()

    def broken(self) -> list[str]:
        """Which of the bounds are not kept."""
        musts = {
            "acknowledged lost": self.lost,
            "doubled": self.doubled,
            "two with the current fence": self.two_with_current_fence,
            "ordinary apps stopped": self.stopped,
            "never back": self.back_s is None,
            "overlap": self.overlap_s > (OVERLAP_S if self._thaws else 0.0),
            "late elsewhere": self._is_late,
            "long stall": self.target not in WITHOUT_STORE and self.stall_s > self._stall_bound,
        }
        return [what for what, broken in musts.items() if broken]

    @property
    def _stall_bound(self) -> float:
        return STALL_S if "kill" in self.fault else SILENT_STALL_S

    @property
    def _thaws(self) -> bool:
        return self.fault in FROZEN

    @property
    def _is_late(self) -> bool:
        if self.target not in ("host", "guest") or self.fault not in LOSES:
            return False
        bound = ELSEWHERE_WITH_LEADER_S if self.fault == "kill-with-leader" else ELSEWHERE_S
        noticed = [
            self.fault in GOES_DOWN and (value is None or value > NOTICED_S[name])
            for name, value in (("suspect_s", self.suspect_s), ("down_s", self.down_s))
        ]
        return any(noticed) or self.elsewhere_s is None or self.elsewhere_s > bound

    def row(self) -> dict[str, Any]:  # Any: JSON
        """As it is kept."""
        return {**asdict(self), "broken": self.broken()}


HEADS: Final = {
    "stall_s": "stall s", "acknowledged": "changes", "lost": "lost", "doubled": "doubled",
    "unclear": "unclear", "two_with_current_fence": "two", "overlap_s": "overlap s", "stopped": "stopped",
    "exclusive_ended": "others' ended", "suspect_s": "suspect s", "down_s": "down s",
    "elsewhere_s": "elsewhere s", "back_s": "back s",
}  # fmt: skip
SUMMED: Final = frozenset(
    ("acknowledged", "lost", "doubled", "unclear", "two_with_current_fence", "stopped", "exclusive_ended")
)


def table(verdicts: Sequence[Verdict]) -> str:
    """Markdown: a line a fault; counts of all its rounds, and of each time the worst."""
    assert set(HEADS) < {field.name for field in fields(Verdict)}
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for one in verdicts:
        groups.setdefault((one.target, one.fault), []).append(one)
    lines = [
        f"| part | fault | rounds | {' | '.join(HEADS.values())} | kept |",
        f"|---|---|{'---:|' * (len(HEADS) + 1)}---|",
    ]
    for (target, fault), rounds in groups.items():
        kept = "NO" if any(one.broken() for one in rounds) else "yes"
        cells = [_cell(name, [getattr(one, name) for one in rounds]) for name in HEADS]
        lines.append(f"| {' | '.join([target, fault, str(len(rounds)), *cells, kept])} |")
    lines += [
        f"\n{one.target}.{one.fault} ({one.victim}): {', '.join(one.broken())}"
        for one in verdicts
        if one.broken()
    ]
    return "\n".join(lines)


def _cell(name: str, values: Sequence[Any]) -> str:  # Any: a number, or None
    if name in SUMMED:
        return str(sum(values))
    if None in values:
        return "never" if name == "back_s" else "-"
    worst = max(values)
    return f"{worst:.1f}" if worst else "0"
