"""Every app that is measured."""

from typing import Final

from bench.apps import chat, forward, socks, terminal, vpn
from bench.apps.part import Measure, Part
from bench.metrics import Metric

PARTS: Final[tuple[Part, ...]] = (socks.PART, terminal.PART, chat.PART, vpn.PART, forward.PART)
ROWS: Final[dict[str, Measure]] = {name: measure for part in PARTS for name, measure in part.rows.items()}
METRICS: Final[tuple[Metric, ...]] = tuple(metric for part in PARTS for metric in part.metrics)
