"""The bench of faults: what is counted, how it is judged, and one case with all its processes."""

import pytest

from bench.mesh.faults.__main__ import arguments
from bench.mesh.faults.apps import Tally, numbered
from bench.mesh.faults.cases import ALL, Case, Seen, Span, judged, table
from bench.mesh.faults.measure import Pace, measure


def seen(**changed: object) -> Seen:
    facts: dict[str, object] = {
        "at": 100.0, "sent": 10, "received": 10, "lost": 0, "doubled": 0, "torn": 0,
        "gaps": [], "dials": [], "faults": [],
    }  # fmt: skip
    return Seen(**{**facts, **changed})  # type: ignore[arg-type]  # built by name in the tests only


def dial(began: float, ended: float, fault: str = "") -> dict[str, object]:
    return {"began": began, "ended": ended, "cold": False, "fault": fault}


def test_blocks_that_are_missing_repeated_or_torn_are_counted() -> None:
    tally = Tally()
    for number in (0, 1, 1, 4):
        tally.take(numbered(number))
    tally.take(numbered(5)[:-8] + numbered(6)[:8])
    assert (tally.next, tally.lost, tally.doubled, tally.torn) == (5, 2, 1, 1)


def test_a_calm_case_is_kept() -> None:
    verdict = judged(Case("link", "kill"), seen(dials=[dial(101, 101.2)]))
    assert verdict.kept
    assert (verdict.stall_seconds, verdict.dials, verdict.recovered_seconds) == (0, 1, 0)


def test_the_longest_gap_after_the_fault_is_the_stall() -> None:
    gaps = [Span(50, 55), Span(99.9, 100.2), Span(101, 101.4)]
    verdict = judged(Case("middle", "freeze"), seen(gaps=gaps))
    assert verdict.stall_seconds == pytest.approx(0.4)
    assert verdict.recovered_seconds == pytest.approx(1.4)
    assert verdict.kept
    assert not judged(Case("middle", "freeze"), seen(gaps=[Span(100, 100.6)])).kept


def test_what_was_sent_and_never_came_is_lost() -> None:
    verdict = judged(Case("relay", "cut"), seen(sent=12, lost=1, torn=1))
    assert verdict.lost == 3
    assert not verdict.kept


def test_dials_that_fail_or_take_long_are_part_of_the_recovery() -> None:
    dials = [dial(90, 91, "early"), dial(100, 103, "nobody"), dial(102, 104.5)]
    verdict = judged(Case("setup", "kill"), seen(dials=dials))
    assert (verdict.dials, verdict.dials_failed) == (2, 1)
    assert verdict.slowest_dial_seconds == 3
    assert verdict.recovered_seconds == 4.5
    assert "setup kill: nobody" in table([verdict])


def test_parts_and_faults_are_chosen_and_others_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments([]).only == ALL
    chosen = arguments(["--only", "middle.cut,link"]).only
    assert chosen == (*(Case("link", fault) for fault in ("kill", "freeze", "cut")), Case("middle", "cut"))
    with pytest.raises(SystemExit):
        arguments(["--only", "link.burn"])
    assert "no such fault: link.burn" in capsys.readouterr().err


def test_a_killed_link_is_measured_with_real_processes() -> None:
    verdict = measure(Case("link", "kill"), Pace(0.3, 1.0))
    assert (verdict.lost, verdict.doubled, verdict.reasons) == (0, 0, [])
    assert verdict.dials > 0
