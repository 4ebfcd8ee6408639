"""What another host has to be told to join this mesh: keys and addresses of this node and its services."""

from __future__ import annotations

from typing import Any, Final

from components.visor.node.node import Node

Row = dict[str, Any]  # Any: plain data, as JSON has it
HERE: Final = "THIS-HOST"  # stands for an address of this host where it listens at all of them
_ALL: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def invitation(node: Node) -> Row:
    """Settings for the other host, and what to link with; `local` names what only this host reaches."""
    around = node.around
    managers = [url.removeprefix("http://") for url in around.managers]
    setup_nodes = [_keyed(key.hex(), address) for key, address in around.setup_nodes.items()]
    messengers = [_keyed(one.key.hex(), one.address) for one in around.messengers]
    links = [f"{node.key.hex()}@{place}" for place in _places(node)]
    kinds = {"node_manager": managers, "setup_nodes": setup_nodes, "messengers": messengers, "links": links}
    local = [kind for kind, places in kinds.items() if any(map(_is_local, places))]
    return {"public_key": node.key.hex(), **kinds, "local": local}


def _places(node: Node) -> tuple[str, ...]:
    """Where others reach this node, as far as it knows."""
    if node.advertised() or node.address is None:
        return node.advertised()
    host, port = node.address
    return (f"{HERE if host in _ALL else host}:{port}",)


def _keyed(key: str, address: tuple[str, int] | None) -> str:
    if address is None:
        return key
    host, port = address
    return f"{key}@[{host}]:{port}" if ":" in host else f"{key}@{host}:{port}"


def _is_local(place: str) -> bool:
    host = place.partition("@")[2] or place
    return host.startswith(("127.", "localhost:", "[::1]:"))
