"""What can go wrong in the mesh. Each class says who is wrong: our caller, the peer, or the world."""

import os


class MeshError(Exception):
    """Root of every error the mesh raises on purpose."""


class CallerError(MeshError):
    """Our own program used the kernel wrongly."""


class KeySpent(MeshError):
    """A key has sealed or opened all it may, and no next one was taken; counters never wrap."""


class BadKey(MeshError):
    """A text or some bytes are no public key; whoever wrote them is wrong."""


class PeerError(MeshError):
    """The other side is wrong, or answered with an error."""


class WireError(PeerError):
    """The peer sent bytes that are not of the form they must have."""


class TagError(PeerError):
    """A tag or a signature does not hold: forged, changed or out of order. What it came on is closed."""


class RemoteError(PeerError):
    """The peer answered with an error; `code` is for programs, the sentence for people."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text


class Refused(RemoteError):
    """The peer does not take this session or link."""


class WorldError(MeshError):
    """Neither side is wrong: a wire broke, time ran out, a bound was reached."""


class Gone(WorldError):
    """The connection ended while something was awaited from it."""


class Unreachable(WorldError):
    """Nothing answers at an address."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address}: {why}")
        self.address = address
        self.why = why


class TimedOut(WorldError, TimeoutError):
    """No answer within the deadline."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"no answer to {what} within {seconds:g} s")
        self.what = what
        self.seconds = seconds


class Busy(WorldError):
    """A bound was reached: too many under way."""

    def __init__(self, what: str, bound: int) -> None:
        super().__init__(f"{what}: {bound} are under way already")
        self.what = what
        self.bound = bound


def reason(exc: OSError | UnicodeError) -> str:
    """What the system says about an error; asyncio puts words of its own into some."""
    number = getattr(exc, "errno", None)
    if number is not None and number > 0:
        return os.strerror(number)
    return getattr(exc, "strerror", None) or str(exc)
