"""Connections that are asked for and not yet met: a token for each, good once, for a short time.

waiting = crossings.open(caller, callee)     the token goes to the callee
crossings.take(token, callee)                the callee came with it: gone from here on
crossings.close(waiting)                     nobody came
"""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass, field

from components.mesh.errors import Busy
from components.mesh.relay_wire import TOKEN_BYTES
from components.mesh.session import Session
from signal_bus.ids import PublicKey


@dataclass(frozen=True, eq=False)
class Waiting:
    """One caller that waits for one callee, whose session is `met`."""

    caller: PublicKey
    callee: PublicKey
    token: bytes = field(repr=False)
    met: asyncio.Future[Session] = field(repr=False)


class Crossings:
    """All that wait, at most `each` for one callee."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._waiting: dict[bytes, Waiting] = {}
        self._for: Counter[PublicKey] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, caller: PublicKey, callee: PublicKey) -> Waiting:
        """One more. Raises `Busy`."""
        if self._for[callee] >= self._each:
            raise Busy(f"connections to {callee.hex()}", self._each)
        met: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        waiting = Waiting(caller, callee, secrets.token_bytes(TOKEN_BYTES), met)
        self._waiting[waiting.token] = waiting
        self._for[callee] += 1
        return waiting

    def take(self, token: bytes, callee: PublicKey) -> Waiting | None:
        """What `callee` was given this token for; None if it was not, or not any more."""
        waiting = self._waiting.get(token)
        if waiting is None or waiting.callee != callee or waiting.met.done():
            return None
        self.close(waiting)
        return waiting

    def close(self, waiting: Waiting) -> None:
        """Forget it; its token is worth nothing from now on. Twice is once."""
        if self._waiting.pop(waiting.token, None) is not None:
            self._for[waiting.callee] -= 1
            self._for += Counter()  # forget those at zero
