"""Percentiles, ratios, and how a figure is written. Pure."""

import statistics
from collections.abc import Sequence

median = statistics.median


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the values lie, between neighbours in proportion."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def times_better(ours: float, theirs: float, *, less_is_better: bool) -> float | None:
    """How many times better `ours` is; None when one of the two is nothing."""
    if ours <= 0 or theirs <= 0:
        return None
    return theirs / ours if less_is_better else ours / theirs


def written(value: float | None) -> str:
    """About three digits: 12,345 and 123 and 12.3 and 0.0123; a dash for nothing."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
