"""How what was seen of a fault is judged and shown."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.cluster.faults import __main__ as command
from bench.cluster.faults.__main__ import arguments, missing
from bench.cluster.faults.cases import ALL, Case, Verdict, table
from bench.cluster.faults.harm import HARMS
from bench.cluster.faults.joins import Joined
from bench.cluster.faults.joins import table as table_of_joins
from bench.cluster.faults.watching import Seen, first

GOOD = Verdict(
    target="host", fault="kill", victim="beta", stall_s=0.2, acknowledged=100, lost=0, doubled=0, unclear=0,
    two_with_current_fence=0, overlap_s=0.0, stopped=0, exclusive_ended=0, suspect_s=4.0, down_s=14.0,
    elsewhere_s=9.0, back_s=2.0,
)  # fmt: skip


def test_every_case_can_be_done() -> None:
    assert {case[:2] for case in ALL} == HARMS.keys()


def test_a_good_one_is_kept() -> None:
    assert GOOD.broken() == []
    assert dataclasses.replace(GOOD, target="member", suspect_s=None, elsewhere_s=None).broken() == []
    assert json.loads(json.dumps(GOOD.row()))["broken"] == []


@pytest.mark.parametrize(
    "changed, broken",
    [
        ({"lost": 1}, "acknowledged lost"),
        ({"doubled": 1}, "doubled"),
        ({"two_with_current_fence": 1}, "two with the current fence"),
        ({"stopped": 1}, "ordinary apps stopped"),
        ({"back_s": None}, "never back"),
        ({"overlap_s": 0.1}, "overlap"),
        ({"fault": "freeze", "overlap_s": 2.1}, "overlap"),
        ({"elsewhere_s": 20.1}, "late elsewhere"),
        ({"elsewhere_s": None}, "late elsewhere"),
        ({"down_s": 16.1}, "late elsewhere"),
        ({"fault": "kill-with-leader", "elsewhere_s": 25.1}, "late elsewhere"),
        ({"target": "leader", "stall_s": 3.1}, "long stall"),
        ({"target": "leader", "fault": "cut", "stall_s": 5.1}, "long stall"),
    ],
)
def test_each_bound_that_is_missed_is_named(changed: dict[str, object], broken: str) -> None:
    assert dataclasses.replace(GOOD, **changed).broken() == [broken]  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    "changed",
    [
        {"fault": "freeze", "overlap_s": 1.9},
        {"target": "majority", "stall_s": 120.0},
        {"fault": "cut-from-engine", "suspect_s": None, "down_s": None},
        {"fault": "cut-from-hosts", "elsewhere_s": None},
        {"fault": "kill-with-leader", "elsewhere_s": 24.0},
        {"target": "leader", "fault": "freeze", "stall_s": 4.9},
    ],
)
def test_what_a_fault_brings_with_it_is_no_miss(changed: dict[str, object]) -> None:
    assert dataclasses.replace(GOOD, **changed).broken() == []  # type: ignore[arg-type]  # by name


def test_a_table_has_counts_of_all_rounds_and_the_worst_times() -> None:
    worse = dataclasses.replace(GOOD, elsewhere_s=12.0, acknowledged=50, back_s=None)
    text = table([GOOD, worse])
    assert (
        "| host | kill | 2 | 0.2 | 150 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 4.0 | 14.0 | 12.0 | never | NO |" in text
    )
    assert "host.kill (beta): never back" in text


def test_a_table_of_joins_has_counts() -> None:
    one = Joined("words shown", "joiner", joined=False, half=False, again=True, seconds=4.0)
    text = table_of_joins([one, dataclasses.replace(one, joined=True, seconds=2.0)])
    assert "| words shown | joiner | 2 | 1 | 0 | 2 | 4.0 |" in text


def test_when_a_host_was_seen_so_first() -> None:
    changes = [Seen(1, "suspect"), Seen(5, "up"), Seen(9, "suspect"), Seen(19, "down")]
    assert (first(changes, "suspect", 5), first(changes, "down", 5), first(changes, "", 5)) == (4, 14, None)


def test_what_a_machine_lacks_is_said_before_anything_is_done() -> None:
    assert missing(0, lambda tool: f"/usr/bin/{tool}") == []
    assert missing(1000, lambda tool: None if tool == "etcd" else tool) == [
        "root, for network namespaces",
        "Debian's etcd-server",
    ]


def test_a_ground_that_does_not_come_up_is_told_for_each_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @contextmanager
    def broken(_: object) -> Iterator[None]:
        if tmp_path.exists():
            raise AssertionError("no etcd came up")
        yield

    monkeypatch.setattr(command, "ground", broken)
    monkeypatch.setattr(command, "missing", lambda *_: [])
    out = tmp_path / "out.json"
    assert command.main(["--only", "warden", "--rounds", "2", "--out", str(out)]) == 1
    told = json.loads(out.read_text())
    assert [(one["fault"], one["why"]) for one in told["failures"]] == [
        ("kill", "AssertionError: no etcd came up"),
        ("freeze", "AssertionError: no etcd came up"),
    ] * 2
    assert told["cases"] == []


def test_parts_and_faults_are_chosen_and_others_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert arguments([]).only == (ALL, True)
    chosen = arguments(["--only", "leader.cut,join,warden"]).only
    assert [case.name for case in chosen.cases] == ["leader.cut", "warden.kill", "warden.freeze"]
    assert chosen.joins
    with pytest.raises(SystemExit):
        arguments(["--only", "host.burn"])
    assert "no such fault: host.burn" in capsys.readouterr().err
    assert isinstance(ALL[0], Case)
