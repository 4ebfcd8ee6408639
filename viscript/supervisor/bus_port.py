"""What the supervisor needs of the signal bus; `viscript.daemon.busside` speaks to the real one."""

from __future__ import annotations

from typing import Any, Protocol


class BusSide(Protocol):
    """What the supervisor asks of the signal bus."""

    async def ping(self, seq: int, timeout: float) -> float | None:
        """Seconds of one round trip; None when it did not answer."""

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        """Call a method of the client. Raises VerbError."""

    async def describe(self, seq: int) -> dict[str, Any]:
        """What the client offers. Raises VerbError."""
