"""The cluster's bench: small runs of each row, with real daemons, and what it says of faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bench.cluster import __main__ as command
from bench.cluster import leaders, lost, many, thousand
from bench.cluster.home import BenchHome
from bench.cluster.metrics import METRICS
from bench.cluster.part import QUICK, Size
from bench.command import main
from bench.machine import alive
from bench.mesh.faults.program import Program, Trouble, until
from bench.results import OURS, Sample, rows
from tests.support.etcd import Etcd
from viscript.keeper.fence import boottime

SMALL = Size(hosts=2, guests=12, tries=2, kills=1)


class Watcher:
    """A home that says of the hosts what it is told to, one answer after the other."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)

    def told(self, *argv: str) -> list[dict[str, Any]]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return [{"label": "here", "state": "up"}, {"label": "h1", "state": state}]


def watching(*states: str) -> BenchHome:
    return cast("BenchHome", Watcher(*states))


def test_guests_come_are_asked_and_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thousand, "SETTLE_S", 0.2)
    monkeypatch.setattr(thousand, "_lose", lambda here, crowd: iter([("guests_gone_s", 1.0)]))
    found = {one.metric: one.value for one in thousand.thousand(SMALL)}
    assert found.keys() < {metric.name for metric in METRICS}
    assert found["guests_events_per_s"] > 0
    assert min(value for name, value in found.items() if name.endswith("_ms")) > 0


def test_all_guests_are_lost_when_they_are_down(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended:
        def end(self) -> None:
            return

    class Here:
        home = watching("up", "suspect", "down")

        def time_ms(self, argv: tuple[str, ...]) -> float:
            return float(len(argv))

    here, crowd = cast("thousand.Scene", Here()), cast("Program", Ended())
    found = dict(thousand._lose(here, crowd))
    assert found.keys() == {"guests_gone_s", "guests_gone_ping_p99_ms", "guests_gone_on_all_ms"}
    monkeypatch.setattr(thousand, "LIMIT_S", 0.0)
    here.home = watching("suspect")
    with pytest.raises(Trouble, match="not seen to be down"):
        list(thousand._lose(here, crowd))


def test_addresses_that_are_not_known_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Here:
        guests, pid = 3, 1
        home = watching("up")

        def cpu_percent(self, seconds: float) -> float:
            return 0.0

        def time_ms(self, argv: tuple[str, ...]) -> float:
            return 1.0

    class Crowd:
        def ask(self, *words: object) -> None:
            assert words == ("cards", 7)

    monkeypatch.setattr(thousand, "CARDS_S", -330.0)
    monkeypatch.setattr(Watcher, "told", lambda self, *argv: [{"addresses": []}])
    with pytest.raises(Trouble, match="not all new addresses"):
        list(thousand._cards(cast("thousand.Scene", Here()), cast("Program", Crowd())))


def test_hosts_are_asked_alone_and_at_once() -> None:
    found = {one.metric: one.value for one in many.on_all(SMALL)}
    assert found["on_all_typed_ratio"] == found["on_all_typed_ms"] / found["on_one_typed_ms"]
    assert found["on_all_cpu_ms_a_host"] >= 0


def test_no_app_outlives_its_home() -> None:
    with many.fleet(1) as homes:
        until(lambda: homes[0].told("la")[0]["pid"])
        pid: int = homes[0].told("la")[0]["pid"]
        assert pid in homes[0].processes()
    until(lambda: not alive(pid))


def test_hosts_that_do_not_come_up_or_answer_are_named(
    monkeypatch: pytest.MonkeyPatch, short_tmp: Path
) -> None:
    monkeypatch.setattr(many, "until", _never)
    monkeypatch.setattr(
        Watcher,
        "told",
        lambda self, *argv: [{"label": "h1", "state": "down", "why": "refused", "status": "x"}],
    )
    with pytest.raises(Trouble, match="h1: refused"):
        many._meet([watching("down")])
    with pytest.raises(Trouble, match="not all of h1 answered well"):
        many._ask(watching("down"), "h1")
    home = BenchHome(short_tmp / "h", "h0")
    with pytest.raises(Trouble, match=r"h1: .*daemon"):
        many._type(home, "h1")
    with pytest.raises(Trouble, match=r"h0: .*colour"):
        home.start({"apps": {}, "colour": "red"})


def _never(probe: Callable[[], object], deadline_s: float = 1.0) -> None:
    raise Trouble("it does not come to be")


def test_a_leader_is_killed_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaders, "BETWEEN", 10)
    found = {one.metric: one.value for one in leaders.leader_kills(SMALL)}
    assert found["leader_lost"] == 0
    assert found["leader_acknowledged"] >= 20
    assert 0 < found["leader_gap_s"] < 60


def test_a_lost_host_is_seen_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    class Engine:
        def start(self, member: object) -> None:
            started.append(member)

    monkeypatch.setattr(lost, "BACK_S", 0.0)
    monkeypatch.setattr(lost, "LOOK_S", 0.0)
    engine = cast("Etcd", Engine())
    found = lost._seen(watching("up", "up", "suspect", "down"), "h1", boottime(), engine, "leader")
    assert found.keys() == {"lost_suspect_s", "lost_down_s"}
    assert started == ["leader"]
    with pytest.raises(Trouble, match="h1 is not seen to be down"):
        lost._seen(watching("up"), "h1", boottime() - lost.LONGEST_S, engine, None)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_lost_hosts_app_runs_elsewhere_in_its_time() -> None:
    found = [*lost.lost_host(QUICK)]
    assert [one.n for one in found] == [0] * 3 + [1] * 3
    verdicts = [ok for row in rows(found, METRICS) for _, ok in row.bounds]
    assert verdicts == [True] * 6


def test_a_row_that_fails_is_a_line_of_the_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(size: Size) -> Iterator[Sample]:
        raise Trouble("no engine here")

    def told(size: Size) -> Iterator[Sample]:
        yield Sample("leader_gap_s", size.kills, OURS, 2.0)

    monkeypatch.setitem(command.ROWS, "lost-host", failing)
    monkeypatch.setitem(command.ROWS, "leader-kills", told)
    out = tmp_path / "out.json"
    assert main(["cluster", "leader-kills", "lost-host", "--quick", "--out", str(out)]) == 0
    assert "no engine here" in capsys.readouterr().out
    assert [one["value"] for one in json.loads(out.read_text())["samples"]] == [2.0]
    with pytest.raises(SystemExit) as ended:
        main(["cluster", "flying-hosts"])
    assert ended.value.code == 2
