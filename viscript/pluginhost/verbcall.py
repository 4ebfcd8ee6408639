"""What a plugin's verb handler is given: its arguments, a place to write, and the daemon's own verbs."""

from __future__ import annotations

from typing import Any, Protocol

from viscript.pluginhost.wire import CallData


class Port(Protocol):
    """The way from a handler to the daemon; the same in a worker process and inside the daemon."""

    async def ask(self, what: str, value: object) -> Any:  # Any: plain data
        """Do `what` (out, err, row, run). Raises `VerbError`."""


class VerbCall:
    """One use of a plugin's verb."""

    def __init__(self, data: CallData, port: Port) -> None:
        self.args = data.args
        self.format = data.format
        self.columns = data.columns
        self.cwd = data.cwd
        self.actor = data.actor
        self._port = port

    async def out(self, text: str) -> None:
        """Write to the caller's stdout; waits for a slow reader."""
        await self._port.ask("out", text)

    async def err(self, text: str) -> None:
        """Write to the caller's stderr."""
        await self._port.ask("err", text)

    async def row(self, data: object) -> None:
        """Send one row of a streamed answer, in the format the caller asked for."""
        await self._port.ask("row", data)

    async def run(self, *words: str) -> Any:  # Any: what that verb answers with `-o json`
        """Run any verb and return its data: `await call.run("la")`. Raises `VerbError` as that verb does."""
        return await self._port.ask("run", list(words))

    async def rpc(
        self, target: str, method: str, params: object = None, *, timeout_s: float | None = None
    ) -> Any:  # Any: what the method answers
        """Call a method an app offers. `VerbError`, with the app's own code in its `data`, if it fails."""
        return await self._port.ask("rpc", [target, method, params, timeout_s])
