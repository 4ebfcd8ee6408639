"""How a process ended, in words. Pure."""

import signal
from typing import Final

from viscript.supervisor.api import Exit

_SHELL_CODES: Final = {
    126: "the command could not be executed",
    127: "the command was not found",
}


def signal_name(number: int) -> str:
    """`SIGSEGV`, or `signal 77` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def exit_words(end: Exit | None) -> str:
    """`exit status 3`, `killed by signal 11 (SIGSEGV)`, `ended, nobody saw how`."""
    if end is None or (end.code is None and end.signal is None):
        return "ended, its exit code is unknown"
    if end.signal is not None:
        return f"killed by signal {end.signal} ({signal_name(end.signal)})"
    hint = _SHELL_CODES.get(end.code or 0)
    return f"exit status {end.code}" + (f" ({hint})" if hint else "")
