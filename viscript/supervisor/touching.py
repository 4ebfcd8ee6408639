"""What is done to an instance that runs, without changing whether it runs: signals, input, pings, calls."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import Pong
from viscript.supervisor.bus_port import BusSide
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper, KeeperError
from viscript.supervisor.orders import stdin_kind
from viscript.supervisor.processes import alive
from viscript.supervisor.roll import Roll


class Touching:
    """This part of `viscript.supervisor.api.Supervisor`; `Supervisor` adds starting and stopping."""

    def __init__(self, roll: Roll, keeper: Keeper, bus: BusSide) -> None:
        self.roll = roll
        self._keeper = keeper
        self._bus = bus

    async def signal(self, seq: int, signum: int, *, tree: bool = False) -> None:
        """Send a signal to the leader, or the whole tree."""
        managed = self._process(seq)
        await self._ask("signal", seq=managed.seq, signum=signum, tree=tree)

    async def send(self, seq: int, data: bytes) -> int:
        """Write to the app's stdin."""
        managed = self._process(seq)
        if not managed.entry.spec.tty and stdin_kind(managed.entry.spec) == "null":
            raise VerbError(
                ExitCode.FAILED,
                f"{managed.name} ({seq}) reads no input: its stdin is /dev/null"
                " (`stdin: pipe` or `tty: true` in its configuration changes that)",
            )
        answer = await self._ask("write", seq=seq, data=base64.b64encode(data).decode())
        return int(answer["written"])

    async def resize(self, seq: int, columns: int, rows: int) -> None:
        """Tell a terminal app its new size."""
        await self._ask("resize", seq=self._process(seq).seq, cols=columns, rows=rows)

    async def ping(self, seq: int, timeout: float = 2.0) -> Pong:
        """One round trip over the bus, or an alive check for a plain program."""
        managed = self._process(seq)
        if managed.registered:
            return Pong(kind="bus", seconds=await self._bus.ping(seq, timeout))
        begun = asyncio.get_running_loop().time()
        there = managed.pid is not None and alive(managed.pid)
        spent = asyncio.get_running_loop().time() - begun
        return Pong(kind="process", seconds=spent if there else None)

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        """Call a method the app offers over the bus."""
        return await self._bus.call(self._client(seq).seq, method, params, timeout)

    async def describe(self, seq: int) -> dict[str, Any]:
        """The methods the app offers."""
        return await self._bus.describe(self._client(seq).seq)

    def _process(self, seq: int) -> Managed:
        managed = self.roll.held(seq)
        if managed.pid is None and not managed.registered:
            text = f"{managed.name} ({seq}) is {managed.state}: it has no process"
            raise VerbError(ExitCode.NOT_HEALTHY, text)
        return managed

    def _client(self, seq: int) -> Managed:
        managed = self._process(seq)
        if not managed.registered:
            text = f"{managed.name} ({seq}) is a plain program: it is not on the signal bus"
            raise VerbError(ExitCode.NOT_HEALTHY, text)
        return managed

    async def _ask(self, op: str, **fields: Any) -> dict[str, Any]:
        try:
            return await self._keeper.ask(op, **fields)
        except KeeperError as exc:
            raise VerbError(ExitCode.FAILED, exc.text) from exc
