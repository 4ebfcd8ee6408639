"""route, rtfind: what streams go by, and what could be."""

from __future__ import annotations

from typing import Final

from plugins.mesh.asking import ask
from plugins.mesh.shown import Column, Row, answered, field, hops, short, shortened, sized, timed, way
from viscript.plugin import Answer, ExitCode, VerbCall, VerbError

ROUTES: Final[tuple[Column, ...]] = (
    ("id", field("id")),
    ("from", shortened("src")),
    ("to", shortened("dst")),
    ("by", way),
    ("use", lambda row: "standby" if row["standby"] else "active"),
    ("age", timed("age_seconds")),
    ("carried", sized("bytes")),
)
RULES: Final[tuple[Column, ...]] = (
    ("kind", field("kind")),
    ("state", field("state")),
    ("neighbours", lambda row: " ".join(short(leg["peer"]) for leg in row["legs"])),
    ("expires", timed("expires_seconds")),
    ("sent", sized("sent_bytes")),
    ("received", sized("received_bytes")),
)
GROUPS: Final[tuple[Column, ...]] = (
    ("id", lambda row: str(row["id"])[:8]),
    ("peer", lambda row: str(row["label"] or short(row["peer"]))),
    ("dialled by", lambda row: "us" if row["dialled"] else "it"),
    ("routes", lambda row: f"{row['open_routes']} of {row['routes']}"),
    ("streams", field("streams")),
)


async def listed(call: VerbCall) -> Answer:
    """The routes that end here."""
    return answered(call, await ask(call, "routes"), ROUTES, empty="no route; one is made when an app dials")


async def rules(call: VerbCall) -> Answer:
    """What this node carries, for itself and for others."""
    return answered(call, await ask(call, "rules"), RULES, empty="no rule: nothing is carried")


async def groups(call: VerbCall) -> Answer:
    """Pairs of nodes with an end here, and the routes each has."""
    return answered(call, await ask(call, "groups"), GROUPS, empty="no group; one is made when an app dials")


async def found(call: VerbCall) -> Answer:
    """The paths to a peer, the best first."""
    peer = call.args["peer"]
    paths = await ask(call, "find_route", peer=peer, min_hops=call.args["min_hops"])
    if not paths:
        text = f"no path to {peer} is known"
        raise VerbError(ExitCode.NOT_FOUND, text, suggestions=("mesh check", "tp ls"))
    lines = [_line(path) for path in paths]
    return Answer(data=paths, text="".join(lines))


def _line(path: Row) -> str:
    count = len(path["hops"])
    links = "1 link" if count == 1 else f"{count} links"
    return f"{links}, cost {path['cost']}: this node -> {hops(path, ' -> ')}\n"
