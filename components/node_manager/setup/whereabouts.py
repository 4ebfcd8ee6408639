"""Where nodes are, for the setup node: fixed addresses, else their entries, remembered for a short while."""

import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from components.mesh import keys
from components.mesh.entry import NodeEntry
from components.mesh.errors import MeshError, Unreachable, WireError
from components.mesh.reach import Address, parse_address
from components.mesh.roster import Messenger
from signal_bus.ids import PublicKey

KEPT_S: Final = 5.0
MOST: Final = 4096
MAX_MESSENGERS: Final = 4

# A node's checked entry; raises `MeshError` where it is not known.
Entries = Callable[[PublicKey], Awaitable[NodeEntry]]
# A socket to a node by one of these messengers; raises `MeshError`.
RelayDial = Callable[[PublicKey, Sequence[Messenger]], Awaitable[socket.socket]]


async def nobody(key: PublicKey) -> NodeEntry:
    """The entries of a setup node without a directory. Raises `Unreachable`."""
    raise Unreachable(key.hex(), "it has no known address, and no directory is configured")


class Whereabouts:
    """The addresses of nodes, and the way to them by a messenger."""

    def __init__(
        self,
        entries: Entries,
        clock: Callable[[], float],
        *,
        fixed: Mapping[PublicKey, Address] | None = None,
        relay: RelayDial | None = None,
    ) -> None:
        self._entries = entries
        self._clock = clock
        self._fixed = fixed or {}
        self._relay = relay
        self._kept: OrderedDict[PublicKey, tuple[float, NodeEntry]] = OrderedDict()

    async def addresses(self, key: PublicKey) -> Sequence[Address]:
        """Where a node takes sessions; none where only messengers know it. Raises `MeshError`."""
        if key in self._fixed:
            return (self._fixed[key],)
        return _parsed((await self._entry(key)).addresses)

    async def relayed(self, key: PublicKey) -> socket.socket:
        """A connected socket to a node by one of its messengers. Raises `MeshError`."""
        if self._relay is None:
            raise Unreachable(key.hex(), "no messenger is used here")
        client = (await self._entry(key)).client
        servers = client.delegated_servers[:MAX_MESSENGERS] if client else ()
        via = [found for server in servers if (found := await self._messenger(server)) is not None]
        if not via:
            raise Unreachable(key.hex(), "it answers at no address and is known to no messenger")
        return await self._relay(key, via)

    async def _messenger(self, text: str) -> Messenger | None:
        """Where a messenger is, if its entry says so."""
        key = keys.parse(text)
        try:
            server = (await self._entry(key)).server
        except MeshError:
            return None
        found = _parsed((server.address,)) if server else ()
        return Messenger(key, found[0]) if found else None

    async def _entry(self, key: PublicKey) -> NodeEntry:
        at, entry = self._kept.get(key, (0.0, None))
        now = self._clock()
        if entry is None or now - at >= KEPT_S:
            entry = await self._entries(key)
            if entry.static != keys.hex66(key):
                raise WireError(f"the directory answered with the entry of {entry.static}")
            self._kept[key] = now, entry
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return entry


def _parsed(texts: Sequence[str]) -> tuple[Address, ...]:
    """Those that are addresses: an entry is signed, and may still hold nonsense."""
    found = []
    for text in texts:
        try:
            found.append(parse_address(text))
        except ValueError:
            continue
    return tuple(found)
