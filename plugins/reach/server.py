"""`python -P -m plugins.reach.server`: unix sockets here that lead over the mesh to places of other hosts.

A daemon finds it on the bus by the kind of its service, `host-reach`, and asks

    serve {places}            what others may be led to here, and who; all that was said before is void
    lead {peer, to, path}     have a socket at `path` lead to the place `to` of the host with that visor
    leave {path}              no more
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from components.visor.app import App, AppError, Stream
from components.visor.kit import process
from components.visor.kit.kept import KeptVisor
from components.visor.kit.tasks import cause_of
from plugins.reach import options
from plugins.reach.answering import Answering
from plugins.reach.options import Options
from plugins.reach.places import Place, Places
from plugins.reach.request import PlaceName
from plugins.reach.ways import NoWay, Ways

SERVICE: Final = "host-reach"


class Server:
    """Reach with these options."""

    def __init__(self, given: Options) -> None:
        self._given = given
        self._places = Places()
        self._answering = Answering(self._places)
        self._visor = KeptVisor(self._connect, given.port, self._serve)
        self._ways: Ways | None = None
        self._key = ""

    def _connect(self) -> App:
        return App.connect(self._given.visor, name=self._given.name)

    async def _serve(self, stream: Stream) -> None:
        await self._answering.serve(stream)

    async def run(self, ready: process.Ready) -> None:
        """Serve for ever. Raises `AppError` when there is no visor at the start."""

        def there(app: App) -> None:
            self._key = app.key.hex()
            ready({"key": self._key, "port": str(self._given.port)})

        try:
            async with asyncio.TaskGroup() as group:
                self._ways = Ways(self._visor, self._given.port, group)
                await self._visor.run(there)
        except BaseExceptionGroup as raised:
            raise cause_of(raised) from None

    # -- what the daemon asks

    @property
    def offers(self) -> Sequence[tuple[str, str, str]]:
        """The service that a daemon looks for: name, kind, and the visor's key for an address."""
        return ((self._given.name, SERVICE, self._key),)

    @property
    def methods(self) -> Sequence[Callable[..., object]]:
        """What is answered over the bus besides `status`."""
        return (self.serve, self.lead, self.leave)

    def serve(self, places: dict[PlaceName, Place]) -> int:
        """Let others be led to these places, and no others; how many there are."""
        self._places.replace(places)
        self._answering.recheck()
        return len(self._places)

    async def lead(self, peer: str, to: PlaceName, path: str) -> dict[str, str]:
        """Have a unix socket at `path` lead to the place `to` of the host whose visor is `peer`.

        The answer is empty, or has `error`.
        """
        assert self._ways is not None
        try:
            key = await (await self._visor.app()).resolve(peer)
            self._ways.add(key.hex(), to, path)
        except (NoWay, AppError) as exc:
            return {"error": str(exc)}
        except TimeoutError:
            return {"error": "the visor of this host is away"}
        return {}

    def leave(self, path: str) -> bool:
        """Close the socket at `path` and what it leads; false when there is none."""
        assert self._ways is not None
        return self._ways.remove(path)

    async def status(self) -> dict[str, Any]:  # Any: plain data of several types
        """The ways from here, the places here, who is led to them, and how many were not let in."""
        return {
            "name": self._given.name,
            "key": self._key,
            "port": self._given.port,
            "visor": self._visor.is_there,
            "ways": self._ways.rows() if self._ways is not None else [],
            "places": self._places.names,
            "led": self._answering.rows(),
            "served": self._answering.served,
            "refused": self._answering.refused,
        }


if __name__ == "__main__":
    sys.exit(process.main("reach", lambda: Server(options.parse(sys.argv[1:]))))
