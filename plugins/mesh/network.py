"""peers, mesh, services: the network as this node knows it."""

from __future__ import annotations

import sys
from typing import Final

from plugins.mesh.asking import ask
from plugins.mesh.shown import Column, Row, answered, field, name, short, shortened, sized, timed, way
from viscript.plugin import Answer, ExitCode, VerbCall, VerbError

PORT_MAX: Final = 65_535

PEERS: Final[tuple[Column, ...]] = (
    ("peer", name),
    ("path", way),
    ("rtt", timed("rtt_seconds")),
    ("sent", sized("sent_bytes")),
    ("received", sized("received_bytes")),
    ("key", field("public_key")),
)
CHECKS: Final[tuple[Column, ...]] = (
    ("check", field("check")),
    ("status", field("status")),
    ("what", field("text")),
    ("what to do", field("fix")),
)
SERVICES: Final[tuple[Column, ...]] = (
    ("name", field("name")),
    ("type", field("type")),
    ("key", shortened("public_key")),
    ("expires", timed("expires_seconds")),
    ("address", field("address")),
)


async def peers(call: VerbCall) -> Answer:
    """Who this node talks to, and how."""
    rows = await ask(call, "peers")
    return answered(call, rows, PEERS, empty="no peer; `tp add KEY@HOST:PORT` links with one")


async def drawn(call: VerbCall) -> Answer:
    """Each node with its neighbours."""
    found = await ask(call, "mesh_map")
    names = {row["public_key"]: name(row) for row in found["nodes"]}
    order = sorted(names, key=names.__getitem__)
    lines = [f"{names[key]} - {_neighbours(key, names, found)}\n" for key in order]
    return Answer(data=found, text="".join(lines) or "no node is known\n")


def _neighbours(key: str, names: dict[str, str], found: Row) -> str:
    told = [
        f"{names.get(other, short(other))} ({row['type']}{'' if row['up'] else ', down'})"
        for row in found["transports"]
        if key in row["edges"]
        for other in row["edges"]
        if other != key
    ]
    return ", ".join(sorted(told)) or "no neighbour"


async def checked(call: VerbCall) -> Answer:
    """Each thing the mesh needs: whether it is so, and what to do."""
    rows = await ask(call, "mesh_check")
    failed = any(row["status"] == "fail" for row in rows)
    code = ExitCode.FAILED if failed else ExitCode.DONE
    return answered(call, rows, CHECKS, empty="nothing was checked", code=code)


async def named(call: VerbCall) -> Answer:
    """Call a key by a label; without one it loses its label."""
    row = await ask(call, "name_peer", peer=call.args["peer"], label=call.args["label"] or "")
    told = f"is called {row['label']}" if row["label"] else "has no label now"
    return Answer(data=row, text=f"{row['public_key']} {told}\n")


async def joined(call: VerbCall) -> Answer:
    """The program that joins the caller's standard input and output to a stream."""
    port = call.args["port"]
    if port > PORT_MAX:
        raise VerbError(ExitCode.USAGE, f"{port} is no port: 1 to {PORT_MAX} are")
    words = ("--", call.args["peer"], str(port))
    return Answer(program=(sys.executable, "-P", "-m", "plugins.mesh.nc", *words))


async def services(call: VerbCall) -> Answer:
    """What nodes offer: vpn, proxy, chat."""
    rows = await ask(call, "services", type=call.args["type"] or "", name=call.args["name"] or "")
    return answered(call, rows, SERVICES, empty="nobody offers that")
