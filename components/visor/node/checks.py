"""`mesh check`: what the mesh needs here, whether it is so, and what to do.

All that has to be asked for is asked at once, so that the whole answer is there within `ANSWER_S` whatever
hangs. What each line says: what is wrong, where, and in `fix` what to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from components.visor.node import probes
from components.visor.node.names import Names
from components.visor.node.node import Node
from components.visor.node.refusals import NOT_ALLOWED, Refusal
from signal_bus.ids import PublicKey

ANSWER_S: Final = 4.0
YOUNG_S: Final = 5.0  # a visor that has just begun is still dialling
UNKNOWN: Final = "entry of public key is not found"  # as node managers say it
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
    asked = await asyncio.gather(
        _within("directory", _directory, node),
        _within("setup", _setup_nodes, node),
        _within("messengers", _messengers, node),
    )
    return [_identity(node), _listening(node), _links(node), *asked, _routes(node)]


async def _within(name: str, check: Callable[[Node], Awaitable[Check]], node: Node) -> Check:
    """A check that ends, whatever hangs."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await check(node)
    except TimeoutError:
        return Check(name, "fail", f"this could not be found out within {ANSWER_S:g} s", "viscript why visor")


# -- here


def _identity(node: Node) -> Check:
    return Check("identity", "pass", f"this node is {node.key.hex()}")


def _listening(node: Node) -> Check:
    address = node.address
    if address is None:
        return Check("listening", "warn", "takes no links", "start the visor with an address")
    told = node.advertised()
    shown = "{}:{}".format(*address)
    if not told:
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
    if not down:
        return Check("links", "pass", f"{len(rows)} up")
    first = down[0]
    name = Names(node).name(PublicKey(bytes.fromhex(first.public_key)))
    whom = name + (f" at {first.address}" if first.address else "")
    why = f"{whom}: {probes.one_line(first.reason) or 'not dialled yet'}"
    fix = f"see that the visor of {name} runs and is reached there; viscript tp ls"
    if len(down) == len(rows):
        return Check("links", "fail", f"all {len(rows)} links are down: {why}", fix)
    return Check("links", "warn", f"{len(down)} of {len(rows)} are down: {why}", fix)


# -- services


async def _directory(node: Node) -> Check:
    known = node.around.managers
    if not known:
        text = "no node manager is known: nodes further on cannot be found"
        return Check("directory", "warn", text, "s node-manager, or set `node_manager`")
    faults = [fault for fault in await probes.managers(node) if fault]
    if not faults:
        return Check("directory", "pass", f"{len(known)} node manager(s) know this node")
    young = node.age_s < YOUNG_S and not node.advertised()  # a messenger has to take it in first
    if faults == [fault for fault in faults if UNKNOWN in fault] and (young or not node.unannounced):
        return Check("directory", "warn", f"{faults[0]}: not told yet", "look again in a moment")
    text, fix = faults[0], "viscript why node-manager where it runs, or set `node_manager` to another one"
    if node.unannounced and len(faults) == len(known):
        text = f"{text}; our entry was not taken: {probes.one_line(node.unannounced)}"
    if NOT_ALLOWED in node.unannounced:
        fix = f"there: put {node.key.hex()} on the list of `--allow`"
    return _of_several("directory", "node managers", text, fix, len(faults), len(known))


async def _setup_nodes(node: Node) -> Check:
    if node.options.direct:
        return Check("setup", "pass", "this node orders its routes itself; every hop knows who it is")
    known = node.around.setup_nodes
    if not known:
        text = "no setup node is known: routes of one hop only"
        return Check("setup", "warn", text, "s setup-node, or set `setup_nodes`")
    faults = [fault for fault in await probes.setup_nodes(node) if fault]
    if not faults:
        return Check("setup", "pass", f"{len(known)} setup node(s) answer")
    fix = "viscript why setup-node where it runs, or set `setup_nodes` to others"
    if NOT_ALLOWED in faults[0]:
        fix = f"there: --allow {node.key.hex()}"
    return _of_several("setup", "setup nodes", faults[0], fix, len(faults), len(known))


async def _messengers(node: Node) -> Check:
    known = node.around.messengers
    if not known:
        text = "none is known: nodes behind NAT are out of reach"
        return Check("messengers", "warn", text, "s messenger, or set `messengers`")
    faults = [fault for fault in await probes.messengers(node) if fault]
    fix = "viscript why messenger where it runs, or set `messengers` to others"
    if faults:
        return _of_several("messengers", "messengers", faults[0], fix, len(faults), len(known))
    present = len(node.relay.present)
    if not present and node.age_s < YOUNG_S:
        return Check("messengers", "warn", "this node is present at none yet", "look again in a moment")
    if not present:
        text = f"all {len(known)} answer, and none keeps this node: {known[0].key.hex()[:12]}"
        fix = f"there: --allow {node.key.hex()}; here: viscript logs visor"
        return Check("messengers", "fail", text, fix)
    second = "; a second one would take over from it" if present == 1 else ""
    return Check("messengers", "pass", f"present at {present}{second}")


def _of_several(name: str, kind: str, text: str, fix: str, bad: int, known: int) -> Check:
    """Fails where all are bad; one that is good is enough to go on."""
    if bad == known:
        return Check(name, "fail", text, fix)
    return Check(name, "warn", f"{bad} of {known} {kind}: {text}", fix)


# -- routes


def _routes(node: Node) -> Check:
    joints = node.groups.joints()
    refused = node.refusals.recent(node.router.loop.time())
    if refused:
        return _refused(node, refused[0])
    lost = [joint for joint in joints if not joint.open_routes]
    if lost:
        text = f"{len(lost)} of {len(joints)} have no route: {lost[0].peer.hex()[:12]}"
        return Check("routes", "warn", text, "viscript route groups; viscript tp ls")
    return Check("routes", "pass", f"{len(joints)} group(s), all with a route")


def _refused(node: Node, refusal: Refusal) -> Check:
    names, failure = Names(node), refusal.failure
    peer, hop = names.name(refusal.peer), names.name(PublicKey(failure.key))
    text = f"no route to {peer}: {hop} says: {probes.one_line(failure.text)}"
    if not refusal.is_for_good:
        return Check("routes", "warn", text, f"viscript tp ls, also at {hop}; viscript mesh check there")
    if node.options.direct:
        fix = f"a setup node that {hop} allows: set `setup` to node, and `setup_nodes`"
    elif failure.key in node.around.setup_nodes:
        fix = f"at the setup node {hop}: --allow {node.key.hex()}"
    else:
        orders = ", ".join(key.hex() for key in node.around.setup_nodes)
        fix = f"at {hop}: add {orders} to `setup_nodes`"
    return Check("routes", "fail", text, fix)
