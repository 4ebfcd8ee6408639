"""`python -P -m plugins.terminal.server`: a shell on this host for nodes on a list."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from typing import Any, Final

import asyncssh

from components.visor.app import App, AppError, Listener
from components.visor.kit import process
from components.visor.kit.tasks import cause_of
from plugins.terminal import account, hostkey, options
from plugins.terminal.child import keep_to_ourselves
from plugins.terminal.house import House
from plugins.terminal.options import ServerOptions
from plugins.terminal.visitors import Visitors

log = logging.getLogger(__name__)

AGAIN_S: Final = 0.2


class Server:
    """A terminal with these options. Raises `Misuse` for a host key that is broken."""

    def __init__(self, given: ServerOptions) -> None:
        self._given = given
        self._account = account.mine()
        self._visitors = Visitors(frozenset())
        place = hostkey.place(given.host_key, os.environ.get("VISCRIPT_STATE", ""))
        self._host_key = hostkey.load(place)
        self._has_begun = False
        os.chdir(self._account.home)  # where sessions begin

    async def run(self, ready: process.Ready) -> None:
        """Serve for ever, whatever the visor does. Raises `AppError` when that cannot begin."""
        while True:
            try:
                await self._once(ready)
            except AppError as exc:
                if not self._has_begun:
                    raise
                log.info("waiting for the visor: %s", exc)
            await asyncio.sleep(AGAIN_S)

    async def _once(self, ready: process.Ready) -> None:
        """Until the visor goes; programs of sessions have ended then."""
        async with App.connect(self._given.visor, name=self._given.name) as app:
            keys = [app.key, *[await app.resolve(text) for text in self._given.allow]]
            self._visitors.allowed = frozenset(key.hex() for key in keys)
            try:
                async with asyncio.TaskGroup() as sessions:
                    await self._welcome(app, sessions, ready)
            except BaseExceptionGroup as group:
                raise cause_of(group) from None

    async def _welcome(self, app: App, sessions: asyncio.TaskGroup, ready: process.Ready) -> None:
        house = House(self._visitors, self._account, self._host_key, self._given.files, sessions)
        listeners = [await app.listen(port) for port in self._given.ports]
        async with asyncio.TaskGroup() as visits:
            for listener in listeners:
                visits.create_task(_accept(listener, house, visits))
            if self._has_begun:
                log.info("the visor is back")
            else:
                self._has_begun = True
                ready(self._endpoints(app))

    def _endpoints(self, app: App) -> dict[str, str]:
        ports = ",".join(str(port) for port in self._given.ports)
        return {"key": app.key.hex(), "port": ports, "host-key": self._fingerprint}

    @property
    def _fingerprint(self) -> str:
        return str(self._host_key.get_fingerprint())

    def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """Who is here, who was, and who may come."""
        return {
            "name": self._given.name,
            "ports": list(self._given.ports),
            "user": self._account.user,
            "host_key": self._fingerprint,
            **self._visitors.figures(time.time()),
        }


async def _accept(listener: Listener, house: House, visits: asyncio.TaskGroup) -> None:
    """Take the streams of one port, each in a task of its own. Raises `VisorGone`."""
    async for stream in listener:
        visits.create_task(house.visit(stream))


if __name__ == "__main__":
    keep_to_ourselves()
    asyncssh.set_log_level(logging.WARNING)  # its own lines tell commands
    sys.exit(process.main("terminal", lambda: Server(options.server(sys.argv[1:]))))
