"""`mesh check`: what the mesh needs here, whether it is so, and what to do."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from components.mesh.errors import MeshError
from components.visor.node.node import Node

YOUNG_S: Final = 5.0  # a visor that has just begun is still dialling
PATIENCE_S: Final = 3.0
Status = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One line."""

    check: str
    status: Status
    text: str
    fix: str = ""

    def row(self) -> dict[str, Any]:  # Any: plain data
        """As verbs show it."""
        return asdict(self)


async def run(node: Node) -> list[Check]:
    """Every check, in the order in which one thing needs the other."""
    return [
        _identity(node),
        _listening(node),
        _links(node),
        await _directory(node),
        await _setup_nodes(node),
        _messengers(node),
        _groups(node),
    ]


def _identity(node: Node) -> Check:
    return Check("identity", "pass", f"this node is {node.key.hex()}")


def _listening(node: Node) -> Check:
    address = node.address
    if address is None:
        return Check("listening", "warn", "takes no links", "start the visor with an address")
    told = node.advertised() or ("nothing",)
    shown = "{}:{}".format(*address)
    if told == ("nothing",):
        return Check(
            "listening",
            "warn",
            f"takes links at {shown}, and tells others no address",
            "set `advertise` to HOST:PORT where others reach this host, or use a messenger",
        )
    return Check("listening", "pass", f"takes links at {shown}, told as {', '.join(told)}")


def _links(node: Node) -> Check:
    rows = node.links.rows()
    down = [row for row in rows if not row.up]
    if not rows:
        return Check("links", "warn", "there is no link to any node", "viscript tp add KEY@HOST:PORT")
    if len(down) == len(rows):
        return Check("links", "fail", f"all {len(rows)} links are down: {down[0].reason}", "viscript tp ls")
    if down:
        first = down[0]
        text = f"{len(down)} of {len(rows)} are down: {first.public_key[:12]}: {first.reason}"
        return Check("links", "warn", text, "viscript tp ls")
    return Check("links", "pass", f"{len(rows)} up")


async def _directory(node: Node) -> Check:
    services = node.network.services
    if services is None:
        return Check(
            "directory",
            "warn",
            "no node manager is known: nodes further on cannot be found",
            "s node-manager",
        )
    try:
        async with asyncio.timeout(PATIENCE_S):
            entry = await services.node(node.key)
    except (MeshError, TimeoutError) as exc:
        text = str(exc) or "it does not answer"
        return Check("directory", "fail", text, "viscript why node-manager")
    return Check("directory", "pass", f"it knows us, with {len(entry.addresses)} address(es)")


async def _setup_nodes(node: Node) -> Check:
    if node.options.direct:
        return Check("setup", "pass", "this node orders its routes itself; every hop knows who it is")
    nodes = node.around.setup_nodes
    if not nodes:
        return Check("setup", "warn", "no setup node is known: routes of one hop only", "s setup-node")
    reached = await asyncio.gather(*(node.reach_setup(key, PATIENCE_S) for key in nodes))
    failed = [text for text in reached if text]
    if len(failed) == len(reached):
        return Check("setup", "fail", failed[0], "viscript why setup-node")
    if failed:
        return Check("setup", "warn", failed[0], "viscript why setup-node")
    return Check("setup", "pass", f"{len(reached)} setup node(s) answer")


def _messengers(node: Node) -> Check:
    known, present = len(node.around.messengers), len(node.relay.present)
    if not known:
        return Check("messengers", "warn", "none is known: nodes behind NAT are out of reach", "s messenger")
    if not present and node.age_s < YOUNG_S:
        return Check("messengers", "warn", f"none of {known} has answered yet", "look again in a moment")
    if not present:
        return Check("messengers", "fail", f"none of {known} answers", "viscript why messenger")
    if present == 1:
        return Check("messengers", "pass", "present at one; a second one would take over from it")
    return Check("messengers", "pass", f"present at {present}")


def _groups(node: Node) -> Check:
    joints = node.groups.joints()
    lost = [joint for joint in joints if not joint.open_routes]
    if lost:
        text = f"{len(lost)} of {len(joints)} have no route: {lost[0].peer.hex()[:12]}"
        return Check("routes", "warn", text, "viscript route groups; viscript tp ls")
    return Check("routes", "pass", f"{len(joints)} group(s), all with a route")
