"""How answers of the mesh look to people: short keys, sizes with units, a table that fits. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from viscript.plugin import Answer, VerbCall

Row = Mapping[str, Any]  # Any: a row as the visor answers it
Column = tuple[str, Callable[[Row], str]]

KEY_DIGITS: Final = 12
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def answered(
    call: VerbCall, rows: Sequence[Row], columns: Sequence[Column], *, empty: str, code: int = 0
) -> Answer:
    """The rows as data, and as a table for people; `-o wide` shows every field as it is."""
    if call.format == "wide" and rows:
        return Answer(data=rows, code=code)
    return Answer(data=rows, text=table(rows, columns) if rows else f"{empty}\n", code=code)


def table(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """Head and rows, a line each."""
    cells = [[title.upper() for title, _ in columns]]
    cells += [[text(row) for _, text in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    return "\n".join(lines) + "\n"


def short(key: str) -> str:
    """A key as far as people read it."""
    return key[:KEY_DIGITS]


def name(row: Row) -> str:
    """What a peer is called, else its short key."""
    return str(row.get("label") or short(row["public_key"]))


def size(count: float) -> str:
    """Bytes with a unit."""
    for unit in _UNITS[:-1]:
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {_UNITS[-1]}"


def seconds(value: float | None) -> str:
    """A time with a unit; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.0f} s"


def hops(row: Row, between: str = " > ") -> str:
    """Where each hop leads to, with its latency where that is known."""
    told = zip(row["hop_names"], row["latencies_seconds"], strict=True)
    return between.join(f"{hop} {seconds(taken)}" if taken is not None else hop for hop, taken in told)


def way(row: Row) -> str:
    """By whom, hop by hop where there are several; who was dialled knows no hops."""
    return hops(row) if len(row["hop_names"]) > 1 else str(row["path"])


def field(key: str) -> Callable[[Row], str]:
    """The text of one field."""
    return lambda row: "-" if row.get(key) in (None, "") else str(row[key])


def sized(key: str) -> Callable[[Row], str]:
    """The text of one field in bytes."""
    return lambda row: size(row[key])


def timed(key: str) -> Callable[[Row], str]:
    """The text of one field in seconds."""
    return lambda row: seconds(row.get(key))


def shortened(key: str) -> Callable[[Row], str]:
    """The text of one field that is a key."""
    return lambda row: short(row[key])
