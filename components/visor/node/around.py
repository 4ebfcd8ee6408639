"""What a visor needs from others: node managers, setup nodes, messengers. Given, or found on the bus.

On a host where all of them run, nothing is configured: they offer themselves on the bus of the home, which
only the user's own processes join, and so the visor knows their keys from a source it can trust.

How they do stands in `components.mesh.offers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from components.mesh import keys
from components.mesh.errors import BadKey
from components.mesh.offers import MESSENGER, NODE_MANAGER, SETUP_NODE
from components.mesh.reach import Address, parse_address
from components.mesh.roster import Messenger
from components.visor.node.options import Options
from signal_bus.ids import PublicKey


class Offered(Protocol):
    """A service of the bus."""

    @property
    def address(self) -> str:
        """As it was offered."""


@dataclass(frozen=True)
class Around:
    """Who serves this visor."""

    managers: tuple[str, ...]
    setup_nodes: Mapping[PublicKey, Address | None]
    messengers: tuple[Messenger, ...]


def configured(options: Options) -> Around:
    """What the command line says."""
    setup = {key: options.setup_addresses.get(key) for key in options.setup_nodes}
    return Around(options.managers, setup, options.messengers)


def joined(given: Around, found: Mapping[str, Iterable[Offered]]) -> Around:
    """What is given, and for each kind that is not, what the bus has. Offers without sense are left out."""
    managers = given.managers or tuple(one.address for one in found.get(NODE_MANAGER, ()))
    setup = dict(given.setup_nodes) or dict(_keyed(found.get(SETUP_NODE, ())))
    messengers = given.messengers or tuple(
        Messenger(key, address) for key, address in _keyed(found.get(MESSENGER, ()))
    )
    return Around(managers, setup, messengers)


def _keyed(found: Iterable[Offered]) -> Iterable[tuple[PublicKey, Address]]:
    for one in found:
        key, _, address = one.address.partition("@")
        try:
            yield keys.parse(key), parse_address(address)
        except (BadKey, ValueError):
            continue
