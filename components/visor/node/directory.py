"""Names by which others find this node at the node managers: what a daemon publishes, and what it looks up.

A name is only a word there: whoever signs as a node may take it as well. What stands beside it, such as a
signature, is for the asker to judge.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from components.mesh.errors import BadKey
from components.mesh.forms import Offer
from components.mesh.keys import hex66, parse
from components.mesh.services import Services
from components.visor.node.names import told
from components.visor.node.node import Node
from signal_bus.errors import RemoteError

DIRECTORY: Final = "mesh-directory"  # the kind of service by which a daemon finds it on the bus
FOUND_MAX: Final = 64

Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
Text = Annotated[str, msgspec.Meta(max_length=128)]
Info = Annotated[dict[Text, Text], msgspec.Meta(max_length=15)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Lease = Annotated[int, msgspec.Meta(ge=10, le=3600)]
Row = dict[str, Any]  # Any: plain data of several types


class Directory:
    """Two methods for the bus."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def publish(self, name: Name, port: Port, info: Info, lease_s: Lease = 300) -> int:
        """Be found under a name at that port of the mesh; at how many node managers."""
        address = f"{hex66(self._node.key)}:{port}"
        offer = Offer(address=address, type=name, info={**info, "name": name}, lease_s=lease_s)
        with told():
            return await self._services().offer(offer)

    async def lookup(self, name: Name) -> list[Row]:
        """Who is published under a name: the node's key, and what stands beside it."""
        with told():
            found = await self._services().services(name)
        rows = ((_key(offer.address), offer.info) for offer in found[:FOUND_MAX])
        return [{"public_key": key, "info": info} for key, info in rows if key]

    def _services(self) -> Services:
        services = self._node.network.services
        if services is None:
            raise RemoteError("unavailable", "no node manager is known: s node-manager, or set node_manager")
        return services


def _key(address: str) -> str:
    """The node's key in hexadecimal; empty for an address that has none."""
    try:
        return parse(address.rpartition(":")[0]).hex()
    except BadKey:
        return ""
