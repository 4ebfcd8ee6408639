"""Why the visor refuses what an app asks."""

from components.mesh.errors import BadKey, Busy, MeshError, RemoteError, TimedOut, Unreachable
from components.visor.apps.messages import Fault
from components.visor.book import BookError


class Refusal(MeshError):
    """An app asked for what it cannot have; the text tells it what to do."""

    def __init__(self, code: Fault, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


# The first that fits, in this order: a `TimedOut` is a `WorldError` too.
_CODES: tuple[tuple[type[MeshError], Fault], ...] = (
    (BadKey, Fault.BAD_KEY),
    (BookError, Fault.NOT_FOUND),
    (TimedOut, Fault.TIMEOUT),
    (Busy, Fault.BUSY),
    (Unreachable, Fault.UNREACHABLE),
)


def refusal_of(exc: MeshError) -> Refusal:
    """What an app is told of an error of the mesh."""
    if isinstance(exc, Refusal):
        return exc
    if isinstance(exc, RemoteError) and exc.code in tuple(Fault):
        return Refusal(Fault(exc.code), exc.text or exc.code)
    for type, code in _CODES:
        if isinstance(exc, type):
            return Refusal(code, str(exc))
    return Refusal(Fault.FAILED, str(exc))
