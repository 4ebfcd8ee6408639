"""What was measured, the medians of it, and which bounds it keeps. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from bench.maths import median, times_better
from bench.metrics import FLOOR, METRICS, Bound, Metric

OURS: Final = "viscript"
_NO_PEERS: Final = frozenset({OURS, FLOOR, "plain echo", "CURVE echo", "iperf3", "raw TCP hop", "plain veth"})


class Sample(NamedTuple):
    """One figure of one visit."""

    metric: str
    n: int
    peer: str
    value: float
    round: int = 0


class Failure(NamedTuple):
    """A visit, or one step of it, that gave nothing, and why."""

    peer: str
    n: int
    step: str
    why: str


class Row(NamedTuple):
    """A figure of ours beside the best peer's."""

    metric: Metric
    n: int
    values: Mapping[str, float]  # by peer, ours and the floor among them
    best: str  # the best peer
    ratio: float | None  # how many times better than it
    bounds: tuple[tuple[str, bool | None], ...]  # in words, and whether it is kept; None: nothing to compare

    @property
    def ours(self) -> float | None:
        """Our value."""
        return self.values.get(OURS)


def medians(samples: Iterable[Sample]) -> dict[tuple[str, int], dict[str, float]]:
    """Of each metric and count, the median by peer; what is derived from others is added."""
    gathered: defaultdict[tuple[str, int], defaultdict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for sample in samples:
        gathered[sample.metric, sample.n][sample.peer].append(sample.value)
    found = {key: {peer: median(values) for peer, values in peers.items()} for key, peers in gathered.items()}
    return found | _memory_a_child(found)


def _memory_a_child(
    found: Mapping[tuple[str, int], Mapping[str, float]],
) -> dict[tuple[str, int], dict[str, float]]:
    empty = found.get(("pss_mib", 0), {})
    return {
        ("pss_kib_a_child", count): {
            peer: (value - empty[peer]) * 1024 / count for peer, value in peers.items() if peer in empty
        }
        for (metric, count), peers in found.items()
        if metric == "pss_mib" and count and empty
    }


def rows(samples: Iterable[Sample], metrics: Sequence[Metric] = METRICS) -> list[Row]:
    """All figures in the order of `metrics`, each for every count it was measured with."""
    found = medians(samples)
    order = {metric.name: place for place, metric in enumerate(metrics)}
    return [
        _row(metrics[order[name]], count, found[name, count])
        for name, count in sorted(found, key=lambda key: (order[key[0]], key[1]))
    ]


def _row(metric: Metric, count: int, values: Mapping[str, float]) -> Row:
    ours = values.get(OURS)
    best = _best(metric, values)
    ratio = None
    if best and ours is not None and metric.better != "neither":
        ratio = times_better(ours, values[best], less_is_better=metric.better == "less")
    bounds = tuple(
        (in_words(metric, bound), kept(metric, bound, values))
        for bound in metric.bounds
        if bound.n in (None, count)
    )
    return Row(metric, count, values, best, ratio, bounds)


def _best(metric: Metric, values: Mapping[str, float]) -> str:
    peers = {peer: value for peer, value in values.items() if peer not in _NO_PEERS}
    if not peers:
        return ""
    return (max if metric.better == "more" else min)(peers, key=peers.__getitem__)


def kept(metric: Metric, bound: Bound, values: Mapping[str, float]) -> bool | None:
    """Whether our value keeps a bound; None when it, or what it is compared with, was not measured."""
    ours = values.get(OURS)
    if ours is None:
        return None
    if bound.limit is not None:
        return ours >= bound.limit if metric.better == "more" else ours <= bound.limit
    theirs = values.get(bound.peer)
    if theirs is None or bound.times is None:
        return None
    return ours >= theirs * bound.times if metric.better == "more" else ours * bound.times <= theirs


def in_words(metric: Metric, bound: Bound) -> str:
    """A bound as the table shows it."""
    sign = ">=" if metric.better == "more" else "<="
    if bound.limit is not None:
        return f"{sign} {bound.limit:,g}"
    if bound.times == 1:
        return f"{sign} {bound.peer}"
    times = bound.times or 1
    if times > 1:
        return f"{times:g}x better than {bound.peer}"
    return f"{sign} {times if metric.better == 'more' else 1 / times:g}x {bound.peer}"


def missed(table: Iterable[Row]) -> list[str]:
    """Each bound that is not kept, in words."""
    return [
        f"{row.metric.title} (n={row.n}): {row.ours:.4g} {row.metric.unit}, bound {words}"
        for row in table
        for words, ok in row.bounds
        if ok is False
    ]
