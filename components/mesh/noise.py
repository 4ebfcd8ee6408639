"""Noise as the mesh uses it: `signal_bus.noise`, whose errors are here those of the mesh."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from components.mesh.errors import CallerError, TagError, WireError
from signal_bus import noise
from signal_bus.noise import Pattern, Split

__all__ = ["MAX_MESSAGE", "TAG_BYTES", "Handshake", "Pattern", "Split"]

TAG_BYTES: Final = noise.TAG_BYTES
MAX_MESSAGE: Final = noise.MAX_MESSAGE


class Handshake(noise.Handshake):
    """One side of one handshake: call `write` and `read` in turn until `done`, then `split`."""

    def write(self, payload: bytes = b"") -> bytes:
        """The next message, ours. Raises `CallerError` out of turn, `WireError` for a key nobody may use."""
        with _ours():
            return super().write(payload)

    def read(self, message: bytes) -> bytes:
        """The payload of the next message, theirs. Raises `WireError` or `TagError`, and is dead then."""
        with _ours():
            return super().read(message)

    def split(self) -> Split:
        """The keys of the session. Raises `CallerError` before the end."""
        with _ours():
            return super().split()


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except noise.BadTag as exc:
        raise TagError(str(exc)) from exc
    except noise.BadHandshake as exc:
        raise WireError(str(exc)) from exc
    except noise.WrongUse as exc:
        raise CallerError(str(exc)) from exc
