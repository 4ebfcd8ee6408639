"""Figures for people: sizes, spans of time, exits. Pure."""

import signal
import time
from typing import Final

from viscript.supervisor.api import Exit

NOTHING: Final = "-"
_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB")


def size(count: int | None) -> str:
    """`512 B`, `1.2 MiB`."""
    if count is None:
        return NOTHING
    if count < 1024:
        return f"{count} B"
    value, power = count / 1024, 0
    while value >= 999.95 and power < len(_UNITS) - 1:
        value, power = value / 1024, power + 1
    return f"{value:.1f} {_UNITS[power]}"


def span(seconds: float | None) -> str:
    """`0.5s`, `42s`, `3m12s`, `5h07m`, `12d3h`."""
    if seconds is None:
        return NOTHING
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def upcoming(epoch: float, seconds: float | None) -> str:
    """A time that comes: `2026-03-01 03:00:00, in 4m12s`."""
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(epoch))}, in {span(seconds)}"


def brief(seconds: float | None) -> str:
    """A round trip: `210 us`, `3.25 ms`, `1.20 s`."""
    if seconds is None:
        return NOTHING
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.2f} ms"
    return f"{seconds:.2f} s"


def percent(value: float | None) -> str:
    """`12.5`."""
    return NOTHING if value is None else f"{value:.1f}"


def number(value: int | None) -> str:
    """The number itself, or a dash."""
    return NOTHING if value is None else str(value)


def signal_name(number: int) -> str:
    """`SIGTERM` for 15; the number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def exit_text(how: Exit | None) -> str:
    """`exit 1`, `signal 11 (SIGSEGV)`, `unknown`."""
    if how is None:
        return NOTHING
    if how.signal is not None:
        return f"signal {how.signal} ({signal_name(how.signal)})"
    return "unknown" if how.code is None else f"exit {how.code}"


def clock(epoch: float) -> str:
    """Local date and time to the millisecond."""
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(epoch))}.{int(epoch * 1000) % 1000:03d}"
