"""What a visor answers, for the verbs that ask it; as a program, a client of the bus that answers so.

python -P -m tests.support.fake_visor
"""

import asyncio
from typing import Any, Final

from signal_bus.client import SignalClient
from signal_bus.errors import RemoteError

KEY: Final = 32 * "0a"
MIKE: Final = "76ad" + 30 * "0b"
JOE: Final = "3c09" + 30 * "0c"
LINK: Final = "5d5a0a4f-0e1c-5a6a-8a0e-0123456789ab"

Row = dict[str, Any]  # Any: plain data

TRANSPORT: Final[Row] = {
    "id": LINK, "type": "stcpr", "public_key": MIKE, "label": "mike", "persistent": True, "up": True,
    "sent_bytes": 2048, "received_bytes": 100, "rtt_seconds": 0.0012, "address": "10.0.0.2:7777",
    "reason": "",
}  # fmt: skip
DOWN: Final[Row] = {
    **TRANSPORT, "id": LINK.replace("5d5a", "6e6b"), "type": "dmsg", "public_key": JOE, "label": "",
    "up": False, "persistent": False, "rtt_seconds": None, "address": None, "reason": "no messenger knows it",
}  # fmt: skip
PATHS: Final[list[Row]] = [
    {
        "cost": 200,
        "hops": [{"transport": LINK, "from": KEY, "to": MIKE}, {"transport": LINK, "from": MIKE, "to": JOE}],
        "path": "by mike",
        "names": ["this node", "mike", JOE[:12]],
        "hop_names": ["mike", JOE[:12]],
        "latencies_seconds": [0.0012, 0.034],
    }
]
LINE: Final[Row] = {
    "day": "2026-11-21", "app": "chat", "peer": MIKE, "label": "mike", "port": 1, "dialled": True,
    "sent_bytes": 2048, "received_bytes": 100, "receipt": "signed",
}  # fmt: skip
ANSWERS: Final[dict[str, Any]] = {  # Any: plain data
    "peers": [
        {
            "public_key": MIKE, "label": "mike", "path": "neighbour", "rtt_seconds": 0.0012,
            "hop_names": ["mike"], "latencies_seconds": [0.0012],
            "sent_bytes": 2048, "received_bytes": 100,
        },
    ],
    "transports": [TRANSPORT, DOWN],
    "transport_types": ["stcpr", "dmsg"],
    "routes": [
        {
            "id": "0a0b0c0d.0", "src": KEY, "dst": JOE, "hops": [MIKE], "standby": False, "path": "by mike",
            "hop_names": ["mike", JOE[:12]], "latencies_seconds": [0.0012, None],
            "age_seconds": 12.5, "bytes": 5_000_000,
        },
    ],
    "rules": [
        {
            "kind": "forward", "state": "open", "expires_seconds": 44.1,
            "legs": [{"peer": MIKE, "in_id": 1, "out_id": 2}, {"peer": JOE, "in_id": 3, "out_id": 4}],
            "sent_bytes": 10, "received_bytes": 20,
        },
    ],
    "groups": [
        {
            "id": "0a0b0c0d0e", "peer": JOE, "label": "", "dialled": True, "routes": 2, "open_routes": 1,
            "active": 0, "streams": 3,
        },
    ],
    "mesh_map": {
        "nodes": [
            {"public_key": KEY, "label": "this node"},
            {"public_key": MIKE, "label": "mike"},
            {"public_key": JOE, "label": ""},
        ],
        "transports": [{"id": LINK, "type": "stcpr", "edges": [KEY, MIKE], "up": True}],
    },
    "mesh_check": [
        {"check": "links", "status": "pass", "text": "1 up", "fix": ""},
        {"check": "setup", "status": "warn", "text": "no setup node is known", "fix": "s setup-node"},
    ],
    "mesh_keys": {
        "public_key": KEY, "node_manager": ["10.0.0.1:9091"], "setup_nodes": [f"{MIKE}@10.0.0.1:9093"],
        "messengers": [], "links": [f"{KEY}@10.0.0.1:7777"], "local": [],
    },
    "connections": [
        {
            "app": "chat", "stream": 1, "peer": MIKE, "label": "mike", "port": 1, "dialled": True,
            "sent_bytes": 2048, "received_bytes": 100, "sent_bytes_per_second": 1024,
            "received_bytes_per_second": 0, "rtt_seconds": 0.0012, "duration_seconds": 12.5, "path": "direct",
        },
    ],
    "meter": [{**LINE, "restored_bytes": 0}],
    "meter_verify": [
        {**LINE, "signed_sent_bytes": 2048, "signed_received_bytes": 100, "sequence": 4, "text": ""},
    ],
    "meter_links": [
        {
            "day": "2026-11-21", "transport": LINK, "public_key": MIKE, "label": "mike",
            "sent_bytes": 4096, "received_bytes": 200,
        },
    ],
    "services": [
        {"name": "vpn", "type": "vpn", "public_key": MIKE, "address": f"{MIKE}:44", "expires_seconds": 250.0},
    ],
    "messages": [
        {"id": "m1", "time": "2026-09-21T12:00:00+00:00", "from": MIKE, "to": KEY, "state": "delivered",
         "text": "Hello Joe!"},
    ],
}  # fmt: skip


def answer(method: str, params: Row) -> Any:  # Any: plain data
    """What a visor answers to this. Raises `RemoteError` as a visor does."""
    if params.get("peer") == "nobody":
        raise RemoteError("not-found", "no peer is called nobody")
    match method:
        case "add_transport":
            return {**TRANSPORT, "up": params.get("type") != "dmsg", "persistent": params["persistent"]}
        case "remove_transport":
            return TRANSPORT
        case "find_route":
            return PATHS if params["peer"] != JOE else []
        case "name_peer":
            return {"public_key": MIKE, "label": params["label"]}
        case "send_message":
            return {"id": "m2", "state": "sent"}
        case "ping":
            return {
                "id": None, "kind": "mesh", "public_key": MIKE, "label": "mike", "path": "direct",
                "count": params.get("count", 1), "lost": 0,
                "min_seconds": 0.001, "median_seconds": 0.001, "max_seconds": 0.001,
            }  # fmt: skip
        case _:
            return ANSWERS[method]


METHODS: Final = (
    *ANSWERS, "add_transport", "remove_transport", "find_route", "name_peer", "send_message", "ping",
)  # fmt: skip


async def _main() -> None:
    async with SignalClient.from_env(name="visor") as bus:
        for method in METHODS:
            bus.method(_function(method))
        await bus.ready()
        await bus.stopped()


def _function(method: str) -> Any:  # Any: an async function of that name
    async def called(
        peer: str | None = None,
        type: str | None = None,
        persistent: bool = True,
        transport: str = "",
        min_hops: int = 1,
        label: str = "",
        text: str = "",
        name: str = "",
        count: int = 1,
        interval: float = 0.1,
        since: str = "",
    ) -> Any:  # Any: plain data
        """Answers as a visor does."""
        return answer(method, {key: value for key, value in locals().items() if key != "method"})

    called.__name__ = method
    return called


if __name__ == "__main__":
    asyncio.run(_main())
