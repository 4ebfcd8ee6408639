"""`python -P -m plugins.vpn.server`: the exit. Packets of clients leave here, with this host's addresses."""

from __future__ import annotations

import sys
from typing import Any

from components.visor.app import App, parse_key
from components.visor.kit import process
from components.visor.kit.kept import KeptVisor
from plugins.vpn import needs, options, plan
from plugins.vpn.host import Host, HostError
from plugins.vpn.journal import Journal, JournalError
from plugins.vpn.needs import Lacking
from plugins.vpn.options import ServerOptions
from plugins.vpn.pool import Pool
from plugins.vpn.resolver import servers_of_this_host
from plugins.vpn.serving import Exit
from plugins.vpn.undo import Undoable


class Server:
    """An exit with these options. Raises `Misuse` for a key that is none."""

    def __init__(self, given: ServerOptions) -> None:
        self._given = given
        self._allow = frozenset(parse_key(text) for text in given.allow)
        self._exit: Exit | None = None

    async def run(self, ready: process.Ready) -> None:
        """Serve for ever. Raises `CannotWork`, or `AppError` when there is no visor at the start."""
        try:
            abilities = needs.check()
            with needs.lock("server"):
                await self._behind_nat(abilities, ready)
        except (Lacking, HostError, JournalError, OSError) as exc:
            raise process.CannotWork(str(exc)) from exc

    async def _behind_nat(self, abilities: tuple[bool, bool], ready: process.Ready) -> None:
        given = self._given
        changes = Undoable(Journal(given.state), Host())
        ipv6 = given.pool6 is not None and needs.has_ipv6()
        pool6 = given.pool6 if ipv6 else None
        serving = self._exit = Exit(
            Pool(given.pool, pool6),
            allow=self._allow,
            abilities=abilities,
            mtu=given.mtu,
            resolvers=given.dns or servers_of_this_host(),
        )
        pools = [pool for pool in (given.pool, pool6) if pool is not None]
        found = needs.solicited() if ipv6 else ()
        visor = KeptVisor(lambda: App.connect(given.visor, name=given.name), given.port, serving.serve)
        try:
            changes.start(plan.EXIT_WISH, ())
            changes.apply(plan.exit_changes(pools, ipv6=ipv6, private=given.allow_private, solicited=found))
            await visor.run(lambda app: ready({"key": app.key.hex(), "port": str(given.port)}))
        finally:
            changes.undo()

    def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """Who uses this exit, and how much went through it."""
        figures = {} if self._exit is None else self._exit.figures()
        return {"name": self._given.name, "port": self._given.port, "state": "up", **figures}


if __name__ == "__main__":
    sys.exit(process.main("vpn-server", lambda: Server(options.server(sys.argv[1:]))))
