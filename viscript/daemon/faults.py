"""What a program answers over the bus instead of a result, as the error of a verb. Pure."""

from __future__ import annotations

from typing import Final

from signal_bus.errors import BusError, Gone, NotJoined, RemoteError, TimedOut
from viscript.errors import ExitCode, VerbError

EXIT_CODES: Final = {
    "bad-request": ExitCode.USAGE,
    "bad-params": ExitCode.USAGE,
    "no-method": ExitCode.USAGE,
    "unavailable": ExitCode.NOT_HEALTHY,
    "ended": ExitCode.NOT_HEALTHY,
    "not-found": ExitCode.NOT_FOUND,
    "not-allowed": ExitCode.NOT_PERMITTED,
    "not-permitted": ExitCode.NOT_PERMITTED,
    "timed-out": ExitCode.TIMED_OUT,
}


def verb_error(who: str, exc: BusError) -> VerbError:
    """The error for the user; `data` has the program's own code and sentence, where it is the program's."""
    if isinstance(exc, RemoteError):
        code = EXIT_CODES.get(exc.code, ExitCode.FAILED)
        return VerbError(code, f"{who}: {exc}", data={"code": exc.code, "text": exc.text})
    text = exc.why if isinstance(exc, Gone) else str(exc)
    if isinstance(exc, TimedOut):
        return VerbError(ExitCode.TIMED_OUT, f"{who}: {text}")
    return VerbError(
        ExitCode.NOT_HEALTHY if isinstance(exc, NotJoined) else ExitCode.FAILED, f"{who}: {text}"
    )
