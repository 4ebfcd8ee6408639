"""What one app brings to the bench: its rows and its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from bench.metrics import Metric
from bench.results import Sample


class Size(NamedTuple):
    """How much a row measures."""

    mib: int  # of one download
    tries: int  # downloads of each, in turn
    gets: int  # small requests of each


FULL = Size(256, 3, 400)
QUICK = Size(256, 1, 100)

Measure = Callable[[Size], Iterator[Sample]]


class Part(NamedTuple):
    """One app; the names of its rows begin with its own."""

    rows: Mapping[str, Measure]
    metrics: tuple[Metric, ...]
