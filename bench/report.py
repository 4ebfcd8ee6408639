"""The results as Markdown, and as JSON. Pure."""

from collections.abc import Sequence
from typing import Any

from bench.maths import written
from bench.metrics import FLOOR
from bench.results import OURS, Failure, Row, Sample, missed

_HEAD = ("figure", "n", "unit", OURS, "best peer", "times better", FLOOR, "bound")


def markdown(table: Sequence[Row], failures: Sequence[Failure], about: dict[str, Any]) -> str:
    """Ours beside the best peer with bounds; then every peer; then what failed and what is missed."""
    parts = ["; ".join(f"{key} {value}" for key, value in about.items())]
    parts.append(_table(_HEAD, [_summary(row) for row in table]))
    parts.append(_peers(table))
    if failures:
        parts.append(
            _list("Not measured", [f"{one.peer}, n={one.n}, {one.step}: {one.why}" for one in failures])
        )
    misses = missed(table)
    parts.append(_list("Missed", misses) if misses else "No bound is missed.")
    return "\n\n".join(parts) + "\n"


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title}:", "", *(f"* {line}" for line in lines)])


def _summary(row: Row) -> list[str]:
    best = f"{written(row.values[row.best])} ({row.best})" if row.best else "-"
    verdicts = ("?" if ok is None else "met" if ok else "MISSED" for _, ok in row.bounds)
    bounds = ", ".join(
        f"{words}: {verdict}" for (words, _), verdict in zip(row.bounds, verdicts, strict=True)
    )
    return [
        row.metric.title,
        str(row.n),
        row.metric.unit,
        written(row.ours),
        best,
        written(row.ratio),
        written(row.values.get(FLOOR)),
        bounds,
    ]


def _peers(table: Sequence[Row]) -> str:
    """Every value of every peer."""
    peers = list(dict.fromkeys(peer for row in table for peer in row.values))
    lines = [
        [
            row.metric.title,
            str(row.n),
            row.metric.unit,
            *(written(row.values.get(peer)) for peer in peers),
        ]
        for row in table
    ]
    return _table(("figure", "n", "unit", *peers), lines)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = "|".join(["", "---", "---", *("---:" for _ in head[2:]), ""])
    return "\n".join([f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(line)} |" for line in lines)])


def document(
    table: Sequence[Row], samples: Sequence[Sample], failures: Sequence[Failure], about: dict[str, Any]
) -> dict[str, Any]:
    """All of it for a program: medians and verdicts, and each sample."""
    return {
        "about": about,
        "figures": [
            {
                "figure": row.metric.name,
                "n": row.n,
                "unit": row.metric.unit,
                "values": dict(row.values),
                "best_peer": row.best,
                "times_better": row.ratio,
                "bounds": [{"bound": words, "kept": ok} for words, ok in row.bounds],
            }
            for row in table
        ],
        "samples": [sample._asdict() for sample in samples],
        "failures": [failure._asdict() for failure in failures],
    }
