"""How much a host whose role is `view` may write: so many bytes at once, so many a second after that. Pure.

What such a host has to write is small: that it is there, how its apps stand, copies of its audit. Without a
bound it could fill the disk of the host that keeps the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from viscript.statestore.api import Op, Put
from viscript.statestore.errors import Refused

BYTES_PER_S: Final = 16 * 1024.0
BYTES_AT_ONCE: Final = 4 * 1024 * 1024.0
OVERHEAD_BYTES: Final = 128  # that a row costs beside key and value
HOSTS_KNOWN: Final = 4096


class Allowances:
    """Of all hosts that write; time is given."""

    def __init__(self) -> None:
        self._left: dict[bytes, tuple[float, float]] = {}  # bytes, and when that was

    def spend(self, key: bytes, operations: Sequence[Op], now: float) -> None:
        """Let a host write that. Raises `Refused`; then nothing is spent."""
        size = sum(map(_size, operations))
        left, at = self._left.pop(key, (BYTES_AT_ONCE, now))
        left = min(BYTES_AT_ONCE, left + (now - at) * BYTES_PER_S)
        self._left[key] = (left if size > left else left - size), now
        if len(self._left) > HOSTS_KNOWN:
            del self._left[next(iter(self._left))]
        if size > left:
            raise Refused(
                f"a host with the role view writes {BYTES_PER_S / 1024:g} KiB a second on average;"
                " an admin can give operate"
            )


def _size(one: Op) -> int:
    return len(one.key) + len(one.value) + OVERHEAD_BYTES if isinstance(one, Put) else 0
