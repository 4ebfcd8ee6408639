"""What the supervisor needs of the keeper; `keeper_link` speaks to the real one."""

from __future__ import annotations

from typing import Any, Protocol

from viscript.errors import ViscriptError


class KeeperError(ViscriptError):
    """The keeper refused, or could not be asked."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Keeper(Protocol):
    """One request of the keeper's protocol. Raises `KeeperError`; `gone` when it cannot be reached."""

    async def ask(self, op: str, *, deadline: float | None = 10.0, **fields: Any) -> dict[str, Any]:
        """Send one request and wait for its answer; without a deadline, until some keeper has given one."""

    def tell(self, op: str, **fields: Any) -> None:
        """Send one request whose answer nobody waits for; a failure is logged."""
