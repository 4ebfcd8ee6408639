"""Whole visors in a row: what is dialled, poured and counted there."""

import json

import pytest

from bench.mesh import rows, whole
from bench.mesh.whole import Leak, Memory
from bench.results import OURS


def test_apps_dial_pour_and_churn_over_whole_visors() -> None:
    with whole.whole() as made:
        key = made.town.keys["C"]
        cold = json.loads(made.app("cold", "A", key, "2", "3").line())
        made.app("pour", "A", key, "2")
        churn = made.app("churn", "A", key)
        while (count := whole._count(churn))["well"] < 5:
            pass
        assert count["dials"] == count["well"]
        assert made.rss_mb("A") > 1
    assert len(cold) == 3
    assert min(cold) > 0


def test_dials_that_failed_are_counted_and_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "cold_dials", lambda hops, count: [5.0 * hops, None, 5.0 * hops])
    found = {(one.metric, one.n): one.value for one in rows.of_dials(rows.QUICK)}
    assert found["cold_dials_failed", 0] == found["cold_dials_failed", 1] == 1
    assert (found["cold_dial_p50_ms", 0], found["cold_dial_p50_ms", 1]) == (5.0, 10.0)


def test_memory_and_what_churn_leaves_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "memory", lambda seconds: Memory(40.0, 60.0))
    seconds: list[float] = []

    def churn(time: float) -> Leak:
        seconds.append(time)
        return Leak(1.5, 100, 2)

    monkeypatch.setattr(whole, "churn", churn)
    found = [(one.metric, one.peer, one.value) for one in rows.of_memory(rows.QUICK)]
    assert found == [("rss_idle_mb", OURS, 40.0), ("rss_loaded_mb", OURS, 60.0)]
    samples = [*rows.of_leak(rows.QUICK), *rows.of_leak_hour(rows.QUICK)]
    assert [one.value for one in samples] == [1.5, 100, 2] * 2
    assert seconds == [rows.QUICK.churn_s, 3600.0]
