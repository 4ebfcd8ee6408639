"""What can go wrong for an app at its visor. The sentence says what to do; `code` is for programs."""

from typing import Final

from components.visor.apps.messages import Failed, Fault
from components.visor.plane.streams.api import Code


class AppError(Exception):
    """Root of all errors of the SDK."""


class Misuse(AppError, ValueError):
    """The app asks for what cannot be: a bad address or key, a stream that is closed."""


class NoVisor(AppError, ConnectionError):
    """No visor answers."""


class VisorGone(AppError, ConnectionError):
    """The visor ended, or hung up."""


class NoAnswer(AppError, TimeoutError):
    """The visor did not answer within the deadline."""


class Refused(AppError):
    """The visor does not do what was asked."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text or code)
        self.code = code
        self.text = text


class UnknownName(Refused):
    """The visor's address book knows nobody by this name, or several."""


class PortTaken(Refused):
    """Another app, or a stream, has this port."""


class TooMany(Refused):
    """A bound of this visor is reached."""


class DialError(Refused, ConnectionError):
    """The peer could not be reached."""


class PeerRefused(DialError):
    """The peer is there and does not take the stream: nobody listens on the port, or it is busy."""


class Unreachable(DialError):
    """There is no way to the peer now."""


class DialTimeout(DialError, TimeoutError):
    """There was no answer within the deadline."""


class StreamReset(AppError, ConnectionResetError):
    """The stream was broken off; what was written may not have arrived."""

    def __init__(self, code: int) -> None:
        super().__init__(_RESETS.get(code, f"the peer's app broke the stream off with its code {code}"))
        self.code = code


_RESETS: Final[dict[int, str]] = {
    Code.REFUSED: "nobody listens on that port at the peer",
    Code.BUSY: "the peer has too many streams; try again later",
    Code.GONE: "the peer's app closed the stream before it read everything, or ended",
    Code.UNKNOWN: "the peer knows nothing of this stream any more; dial again",
    Code.RESTARTED: "the peer's visor was started anew; dial again",
    Code.CLOSED: "the way to the peer is gone; dial again",
}

_REFUSALS: Final[dict[str, type[Refused]]] = {
    Fault.NOT_FOUND: UnknownName,
    Fault.PORT_TAKEN: PortTaken,
    Fault.TOO_MANY: TooMany,
    Fault.REFUSED: PeerRefused,
    Fault.BUSY: PeerRefused,
    Fault.UNREACHABLE: Unreachable,
    Fault.FAILED: DialError,
    Fault.TIMEOUT: DialTimeout,
}


def error_of(failed: Failed) -> Refused:
    """The exception for an answer."""
    return _REFUSALS.get(failed.code, Refused)(failed.code, failed.text)
