"""How ids are shown: `7`, and `m2/7` to a caller on another host, who calls this one m2.

Who asks from elsewhere says what he calls this host; text for people then names ids so that they can be
typed there. Data is the same for everybody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_HOST: ContextVar[str] = ContextVar("host", default="")


def shown_id(seq: object) -> str:
    """An id as the caller may type it."""
    host = _HOST.get()
    return f"{host}/{seq}" if host else str(seq)


def tag(seq: object) -> str:
    """The same at the head of a sentence."""
    return f"[{shown_id(seq)}]"


@contextmanager
def called(host: str) -> Iterator[None]:
    """Inside, this host is called so; empty by its own callers."""
    before = _HOST.set(host)
    try:
        yield
    finally:
        _HOST.reset(before)
