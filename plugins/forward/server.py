"""`python -P -m plugins.forward.server`: ports here that lead to peers, and ports at peers that lead here."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from components.visor.app import App, AppError, Misuse, Stream
from components.visor.kit import process
from components.visor.kit.kept import KeptVisor
from components.visor.kit.tasks import cause_of
from plugins.forward import options
from plugins.forward.forwarder import Forwarder, Row
from plugins.forward.options import Options
from plugins.forward.rules import EVERYBODY, RuleError


class Server:
    """Forwarding with these options."""

    def __init__(self, given: Options) -> None:
        self._given = given
        self._visor = KeptVisor(self._connect, given.port, self._serve)
        self._forwarder: Forwarder | None = None

    def _connect(self) -> App:
        return App.connect(self._given.visor, name=self._given.name)

    async def _serve(self, stream: Stream) -> None:
        await self._work.answering.serve(stream)

    @property
    def _work(self) -> Forwarder:
        assert self._forwarder is not None
        return self._forwarder

    async def run(self, ready: process.Ready) -> None:
        """Serve for ever. Raises `AppError` when there is no visor at the start, or a rule cannot be."""
        try:
            async with asyncio.TaskGroup() as group:
                self._forwarder = Forwarder(self._visor, self._given.port, self._given.state, group)
                group.create_task(self._settle(ready))
                await self._visor.run(lambda app: None)
        except BaseExceptionGroup as raised:
            cause = cause_of(raised)
            if isinstance(cause, RuleError):
                raise Misuse(str(cause)) from cause
            raise cause from None

    async def _settle(self, ready: process.Ready) -> None:
        """Rules begin once there is a visor, which knows what labels mean."""
        app = await self._visor.app()
        self._work.begin()
        await self._work.fix(self._given.rules)
        ready({"key": app.key.hex(), "port": str(self._given.port)})

    # -- what verbs ask

    @property
    def methods(self) -> Sequence[Callable[..., object]]:
        """What is answered over the bus besides `status`."""
        return (self.add, self.remove)

    async def add(self, line: str) -> Row:
        """A rule as people write it; the answer is its row, or an error with code and text."""
        try:
            return await self._named(await self._work.add(line))
        except RuleError as exc:
            return _error(exc)

    async def remove(self, number: int) -> Row:
        """End a rule; the answer is the row it had, or an error."""
        try:
            return await self._named(await self._work.remove(number))
        except RuleError as exc:
            return _error(exc)

    async def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """Every rule with its figures and connections, whom this host serves, and which ports peers have."""
        await self._visor.refresh()
        work = self._work
        rules, lent = work.rows(), work.lent()
        return {
            "name": self._given.name,
            "port": self._given.port,
            "visor": self._visor.is_there,
            "labels": await self._labels({*(key for row in rules for key in row["peers"])}),
            "rules": rules,
            "refused": work.answering.refused,
            "lent": lent,
        }

    async def _named(self, row: Row) -> Row:
        """The row, with what its peers are called here, and the key that they know this host by."""
        key = (await self._visor.app()).key.hex() if self._visor.is_there else ""
        return {**row, "labels": await self._labels(row["peers"]), "key": key}

    async def _labels(self, keys: Iterable[str]) -> dict[str, str]:
        """What the peers are called here, those that have a name."""
        if not self._visor.is_there:
            return {}
        app = await self._visor.app()
        try:
            known = {key: (await app.meaning(key)).label for key in keys if key != EVERYBODY}
        except AppError:  # it goes away just now
            return {}
        return {key: label for key, label in known.items() if label}


def _error(exc: RuleError) -> Row:
    return {"error": {"code": exc.code, "text": str(exc)}}


if __name__ == "__main__":
    sys.exit(process.main("forward", lambda: Server(options.parse(sys.argv[1:], os.environ))))
