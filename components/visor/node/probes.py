"""Asks the services a node needs whether they answer now. Each probe ends within its deadline.

None changes anything: a node manager is asked for our own entry, a setup node is told to close a request it
never had, a messenger is called at a port where nobody answers, which it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final

from components.mesh.errors import MeshError, Refused
from components.mesh.ports import MeshPort
from components.mesh.roster import Messenger
from components.mesh.services import Services
from components.mesh.session import dial
from components.visor.node.node import Node
from signal_bus.ids import PublicKey

PROBE_S: Final = 3.0
TEXT_MOST: Final = 200

Fault = str  # what is wrong, in one line; nothing where all is well


async def managers(node: Node) -> list[Fault]:
    """For each node manager, in their order."""
    return await asyncio.gather(*(_settled(url, _manager(node, url)) for url in node.around.managers))


async def setup_nodes(node: Node) -> list[Fault]:
    """For each setup node."""
    keys: Sequence[PublicKey] = tuple(node.around.setup_nodes)
    return await asyncio.gather(*(_settled(_at(node, key), node.ask_setup(key, PROBE_S)) for key in keys))


async def messengers(node: Node) -> list[Fault]:
    """For each messenger."""
    return await asyncio.gather(
        *(_settled("{}:{}".format(*one.address), _messenger(node, one)) for one in node.around.messengers)
    )


async def _manager(node: Node, url: str) -> None:
    async with Services(node.identity, (url,), timeout_s=PROBE_S) as services:
        await services.node(node.key)


async def _messenger(node: Node, messenger: Messenger) -> None:
    try:
        session = await dial(
            messenger.address, node.identity, messenger.key, MeshPort.HTTP_LOG, deadline_s=PROBE_S
        )
    except Refused:  # it is there, and has proven its key
        return
    session.close()


async def _settled(where: str, probe: Awaitable[None]) -> Fault:
    try:
        async with asyncio.timeout(PROBE_S):
            await probe
    except TimeoutError:
        return f"{where}: no answer within {PROBE_S:g} s"
    except MeshError as exc:
        text = one_line(str(exc) or type(exc).__name__)
        return text if where in text else f"{where}: {text}"
    return ""


def _at(node: Node, key: PublicKey) -> str:
    """Where a setup node is, as far as it was told."""
    address = node.around.setup_nodes[key]
    return key.hex()[:12] if address is None else "{}@{}:{}".format(key.hex()[:12], *address)


def one_line(text: str) -> str:
    """What a peer said may be long and of many lines."""
    whole = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return whole if len(whole) <= TEXT_MOST else whole[: TEXT_MOST - 3] + "..."
