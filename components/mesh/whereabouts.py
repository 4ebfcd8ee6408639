"""Where somebody can be reached by relay: the messengers its entry names, and their addresses.

What was found is used for a while, and longer when nobody answers: a messenger seldom moves.
"""

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, NamedTuple, Protocol

from components.mesh import keys
from components.mesh.entry import NodeEntry
from components.mesh.errors import BadKey, MeshError, Unreachable
from components.mesh.roster import Messenger
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

FRESH_S: Final = 60.0
MAX_KNOWN: Final = 4096
MAX_PORT: Final = 65535


class Directory(Protocol):
    """What is asked of the node managers: `services.Services`."""

    async def node(self, key: PublicKey) -> NodeEntry:
        """The entry of a node. Raises `MeshError`."""


class _Found(NamedTuple):
    messengers: tuple[Messenger, ...]
    at: float


class Whereabouts:
    """Finds messengers: the `find` of a mailbox, and the `via` of a relay."""

    def __init__(self, directory: Directory, clock: Callable[[], float] = monotonic) -> None:
        self._directory = directory
        self._clock = clock
        self._known: dict[PublicKey, _Found] = {}

    async def find(self, key: PublicKey) -> Sequence[Messenger]:
        """The messengers where `key` is present. Raises `MeshError` when they cannot be had."""
        known = self._known.get(key)
        if known is not None and self._clock() < known.at + FRESH_S:
            return known.messengers
        try:
            found = await self._asked(key)
        except MeshError as exc:
            if known is None:
                raise
            log.info("use what was known of key=%s: %s", key.hex(), exc)
            return known.messengers
        if key not in self._known and len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[key] = _Found(found, self._clock())
        return found

    async def _asked(self, key: PublicKey) -> tuple[Messenger, ...]:
        entry = await self._directory.node(key)
        found = []
        for text in entry.client.delegated_servers if entry.client else ():
            try:
                found.append(messenger(await self._directory.node(keys.parse(text))))
            except (MeshError, ValueError) as exc:
                log.info("a messenger of key=%s cannot be used: %s", key.hex(), exc)
        if not found:
            raise Unreachable(key.hex(), "it is present at no messenger")
        return tuple(found)


def messenger(entry: NodeEntry) -> Messenger:
    """The messenger an entry tells of. Raises `ValueError` or `BadKey` for one that is none."""
    if entry.server is None:
        raise BadKey(f"{entry.static} is no messenger")
    host, _, port = entry.server.address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > MAX_PORT:
        raise ValueError(f"{entry.server.address!r} is no address")
    return Messenger(keys.parse(entry.static), (host.strip("[]"), int(port)))
