"""The table of the verbs of the mesh. Each asks the visor over the bus and hands on what it answers."""

from __future__ import annotations

from typing import Any, Final

from plugins.mesh import joining, messages, metering, network, routes, transports
from viscript.plugin import Arg, Handler, Option, Role, VerbSpec

GROUP: Final = "mesh"
PEER: Final = Arg(name="peer", help="a key, its first digits, or a label")
MIN_HOPS: Final = Option(
    flags=("--min-hops",),
    name="min_hops",
    kind="int",
    default=1,
    at_least=1,
    metavar="N",
    help="at least N links",
)
ADDING: Final[dict[str, Any]] = {  # Any: what VerbSpec takes
    "args": (Arg(name="peer", help="KEY, or KEY@HOST:PORT"),),
    "options": (
        Option(flags=("--type",), name="type", metavar="T", help="stcpr (direct) or dmsg (by a messenger)"),
        Option(flags=("--temporary",), name="temporary", flag=True, help="forget it at the next restart"),
    ),
    "role": Role.OPERATE,
    "columns": ("id", "type", "label", "public_key", "up"),
}
REMOVING: Final[dict[str, Any]] = {  # Any: as above
    "args": (Arg(name="id", help="as `tp ls` shows it, or its first digits"),),
    "role": Role.OPERATE,
    "columns": ("id", "type", "label", "public_key"),
}
TRANSPORTS: Final = (
    "id", "type", "label", "public_key", "up", "persistent", "rtt_seconds", "sent_bytes", "received_bytes",
    "address", "reason",
)  # fmt: skip
SINCE: Final = Option(flags=("--since",), name="since", metavar="DAY", help="as 2026-12-31, by UTC")
METER: Final = ("day", "app", "peer", "label", "port", "dialled", "sent_bytes", "received_bytes")
FINDING: Final[dict[str, Any]] = {  # Any: as above
    "args": (PEER,),
    "options": (MIN_HOPS,),
    "columns": ("cost", "names"),
}


def _row(name: str, handler: Handler, summary: str, **more: Any) -> tuple[VerbSpec, Handler]:  # Any: as above
    return VerbSpec(name=name, summary=summary, group=GROUP, **more), handler


VERBS: Final[tuple[tuple[VerbSpec, Handler], ...]] = (
    _row(
        "peers",
        network.peers,
        "who this node talks to over the mesh",
        columns=("label", "public_key", "path", "rtt_seconds", "sent_bytes", "received_bytes"),
    ),
    _row("tp ls", transports.listed, "links to neighbours", aliases=("tp",), columns=TRANSPORTS),
    _row(
        "tp add",
        transports.added,
        "link with a node, and stay so over restarts",
        help="With an address the link is dialled there; without one the node manager is asked where the\n"
        "node is. Done means: up, or noted and dialled until it is.",
        examples=("tp add mike@10.0.0.2:7777", "tp add mike --type dmsg --temporary"),
        **ADDING,
    ),
    _row("tp rm", transports.removed, "end a link and do not dial it again", **REMOVING),
    _row("tp types", transports.types, "the kinds of links there are", columns=("type", "text")),
    _row(
        "route ls",
        routes.listed,
        "the routes that end at this node",
        aliases=("route",),
        columns=("id", "src", "dst", "hops", "standby", "age_seconds", "bytes"),
    ),
    _row(
        "route find",
        routes.found,
        "the paths to a node, the best first",
        examples=("route find mike", "route find mike --min-hops 2"),
        **FINDING,
    ),
    _row(
        "route rules",
        routes.rules,
        "what this node carries, for itself and for others",
        aliases=("route rule",),
        columns=("kind", "state", "expires_seconds", "sent_bytes", "received_bytes", "legs"),
    ),
    _row(
        "route groups",
        routes.groups,
        "pairs of nodes with an end here, and their routes",
        columns=("id", "peer", "label", "dialled", "routes", "open_routes", "active", "streams"),
    ),
    _row(
        "mesh map",
        network.drawn,
        "all nodes and links this node knows of",
        aliases=("mesh",),
        columns=("nodes", "transports"),
    ),
    _row(
        "mesh check",
        network.checked,
        "each thing the mesh needs: whether it is so, and what to do",
        help="Exit code 1 when anything fails.",
        columns=("check", "status", "text", "fix"),
    ),
    _row(
        "mesh keys",
        joining.keys,
        "what another host needs to join: keys and addresses of this node and its services",
        help="Settings for the other host's config.yaml, then the command that links it with this one.",
        columns=("public_key", "node_manager", "setup_nodes", "messengers", "links", "local"),
    ),
    _row(
        "mesh name",
        network.named,
        "call a key by a label; without one it loses its label",
        examples=("mesh name 0276ad mike",),
        args=(PEER, Arg(name="label", required=False, help="letters and digits")),
        columns=("public_key", "label"),
        role=Role.OPERATE,
    ),
    _row(
        "mesh nc",
        network.joined,
        "standard input and output become a stream to an app of a peer",
        help="Each direction ends by itself. The exit code is 0 when both have ended, 1 when the stream\n"
        "broke, 3 when nobody listens there or no visor runs, 4 without a way to the peer, 5 for a peer\n"
        "that is not known.",
        examples=("mesh nc mike 700 < file", "ssh -p 2 -o ProxyCommand='viscript mesh nc %h %p' mike"),
        args=(PEER, Arg(name="port", kind="int", at_least=1, help="the mesh port of an app there")),
        reads=False,
        role=Role.OPERATE,
    ),
    _row(
        "mesh conns",
        metering.connections,
        "the streams of apps that are open: bytes, speed, latency, duration, path",
        columns=(
            *METER[1:],
            "sent_bytes_per_second",
            "received_bytes_per_second",
            "rtt_seconds",
            "duration_seconds",
            "path",
        ),
    ),
    _row(
        "meter",
        metering.metered,
        "what apps sent and received over the mesh, by app, peer and day",
        help="A receipt is `signed` when both ends signed for as much (within 1 %), `open` when more went\n"
        "by since, `none` when nobody signed yet, `differs` when the two ends count otherwise, and `forged`\n"
        "when it is not true (`meter verify` finds that).",
        examples=("meter", "meter --since 2026-11-01 -o json"),
        options=(SINCE,),
        columns=(*METER, "restored_bytes", "receipt"),
    ),
    _row(
        "meter verify",
        metering.verified,
        "check every receipt, and the sums of both ends",
        help="What is not signed yet is asked for first, of peers that are there. Exit code 1 when a\n"
        "receipt is forged or altered, or sums differ by more than 1 %.",
        options=(SINCE,),
        columns=(*METER, "signed_sent_bytes", "signed_received_bytes", "sequence", "receipt", "text"),
    ),
    _row(
        "meter links",
        metering.links,
        "what each link carried, for this node and for others, by day",
        options=(SINCE,),
        columns=("day", "transport", "label", "public_key", "sent_bytes", "received_bytes"),
    ),
    _row(
        "services",
        network.services,
        "what nodes offer over the mesh",
        args=(Arg(name="type", required=False, help="vpn, proxy, chat"),),
        options=(Option(flags=("--name",), name="name", metavar="NAME", help="those of this name"),),
        columns=("name", "type", "public_key", "address", "expires_seconds"),
    ),
    _row(
        "msg",
        messages.message,
        "send a message that waits for an absent receiver; without words, list them",
        examples=('msg mike "Hello Mike!"', "msg mike", "msg"),
        args=(
            Arg(name="peer", required=False, help=PEER.help),
            Arg(name="text", required=False, many=True, private=True, help="what to say"),
        ),
        columns=("time", "from", "to", "state", "text"),
        role=Role.OPERATE,
    ),
    _row("node ls-tp", transports.listed, "Skywire's spelling of tp ls", columns=TRANSPORTS),
    _row("node add-tp", transports.added, "Skywire's spelling of tp add", **ADDING),
    _row("node rm-tp", transports.removed, "Skywire's spelling of tp rm", **REMOVING),
    _row("rtfind", routes.found, "Skywire's spelling of route find", **FINDING),
)
