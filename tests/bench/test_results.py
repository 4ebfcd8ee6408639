"""Medians, ratios and verdicts."""

from bench.metrics import BY_NAME, METRICS, Bound, Metric
from bench.results import Sample, in_words, kept, medians, missed, rows

LESS = Metric("x", "x", "ms")
MORE = Metric("x", "x", "/s", "more")


def test_every_metric_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(METRICS)


def test_a_figure_is_the_median_of_its_rounds() -> None:
    samples = [
        Sample("spawn_s", 100, "viscript", value, place) for place, value in enumerate((3.0, 1.0, 2.0))
    ]
    assert medians(samples)["spawn_s", 100] == {"viscript": 2.0}


def test_memory_a_child_is_what_the_children_add() -> None:
    samples = [Sample("pss_mib", 0, "viscript", 30.0), Sample("pss_mib", 1000, "viscript", 40.0)]
    assert medians(samples)["pss_kib_a_child", 1000] == {"viscript": 10.24}


def test_memory_a_child_needs_a_visit_without_programs() -> None:
    found = medians([Sample("pss_mib", 1000, "viscript", 40.0)])
    assert ("pss_kib_a_child", 1000) not in found


def test_ours_is_compared_with_the_best_peer_and_not_with_the_floor() -> None:
    samples = [
        Sample("spawn_s", 1000, "viscript", 0.5),
        Sample("spawn_s", 1000, "s6", 2.0),
        Sample("spawn_s", 1000, "runit", 1.0),
        Sample("spawn_s", 1000, "floor", 0.1),
    ]
    (row,) = rows(samples)
    assert (row.best, row.ratio) == ("runit", 2.0)
    assert row.bounds == (("<= 0.8", True), ("3x better than s6", True))
    assert missed([row]) == []


def test_more_is_better_where_it_is() -> None:
    samples = [
        Sample("log_mb_per_s", 1, "viscript", 500.0),
        Sample("log_mb_per_s", 1, "supervisor", 1000.0),
        Sample("log_mb_per_s", 1, "pm2", 100.0),
    ]
    (row,) = rows(samples)
    assert (row.best, row.ratio) == ("supervisor", 0.5)
    assert missed([row]) == ["log capture (n=1): 500 MB/s, bound >= supervisor"]


def test_what_was_not_measured_keeps_and_misses_no_bound() -> None:
    assert kept(LESS, Bound(1.0), {}) is None
    assert kept(LESS, Bound(times=3, peer="s6"), {"viscript": 1.0}) is None


def test_a_bound_is_kept_in_its_own_direction() -> None:
    assert kept(LESS, Bound(1.0), {"viscript": 1.0}) is True
    assert kept(LESS, Bound(1.0), {"viscript": 1.1}) is False
    assert kept(MORE, Bound(1.0), {"viscript": 0.9}) is False
    assert kept(LESS, Bound(times=0.8, peer="plain echo"), {"viscript": 1.25, "plain echo": 1.0}) is True
    assert kept(LESS, Bound(times=0.8, peer="plain echo"), {"viscript": 1.26, "plain echo": 1.0}) is False


def test_bounds_are_told_in_words() -> None:
    assert in_words(LESS, Bound(2.5)) == "<= 2.5"
    assert in_words(MORE, Bound(8000)) == ">= 8,000"
    assert in_words(LESS, Bound(times=3, peer="s6")) == "3x better than s6"
    assert in_words(LESS, Bound(times=0.8, peer="plain echo")) == "<= 1.25x plain echo"


def test_bounds_of_another_number_of_programs_do_not_hold() -> None:
    (row,) = rows([Sample("spawn_s", 100, "viscript", 5.0)])
    assert row.bounds == ()


def test_rows_stand_in_the_order_of_the_metrics() -> None:
    samples = [Sample("stop_s", 10, "viscript", 1.0), Sample("spawn_s", 20, "viscript", 1.0)]
    samples.append(Sample("spawn_s", 3, "viscript", 1.0))
    assert [(row.metric.name, row.n) for row in rows(samples)] == [
        ("spawn_s", 3),
        ("spawn_s", 20),
        ("stop_s", 10),
    ]
