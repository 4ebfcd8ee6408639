"""One case: processes up, a transfer and dials, the fault, and what the apps saw of it."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.mesh.faults.cases import Case, Seen, Span, Verdict, judged
from bench.mesh.faults.program import Program
from bench.mesh.faults.world import World, world


class Pace(NamedTuple):
    """How long is waited."""

    before_s: float
    after_s: float


FULL = Pace(2.0, 8.0)
QUICK = Pace(0.5, 3.0)


def measure(case: Case, pace: Pace) -> Verdict:
    """The figures of a case. Raises `Trouble` when the mesh does not come up or the apps do not tell."""
    with (
        tempfile.TemporaryDirectory(prefix="vf") as folder,
        world(Path(folder), relayed=case.target == "relay") as made,
    ):
        return judged(case, _seen(made, case, pace))


def _seen(made: World, case: Case, pace: Pace) -> Seen:
    peer = made.key("B")
    sink = _ready(made.app("sink", "B"))
    source = _ready(made.app("source", "A", peer))
    middle = made.with_standby()
    dialler = _ready(made.app("dialler", "A", peer))
    time.sleep(pace.before_s)
    at = time.monotonic()
    made.harm(case.target, int(middle[1:]), case.fault)
    time.sleep(pace.after_s)
    dials = _told(dialler)
    sent, taken = _told(source), json.loads(sink.line())
    gaps = [Span(*gap) for gap in taken["gaps"]]
    if taken["last"] < at + pace.after_s / 2:
        gaps.append(Span(taken["last"], at + pace.after_s))
    return Seen(
        at=at, sent=sent["sent"], received=taken["next"], gaps=gaps, dials=dials,
        lost=taken["lost"], doubled=taken["doubled"], torn=taken["torn"],
        faults=[fault for fault in (sent["fault"], taken["fault"]) if fault],
    )  # fmt: skip


def _ready(app: Program) -> Program:
    app.line()
    return app


def _told(app: Program) -> Any:  # Any: JSON
    app.tell("")
    return json.loads(app.line())
