"""tp, node: links to neighbours."""

from __future__ import annotations

from typing import Final

from plugins.mesh.asking import ask
from plugins.mesh.shown import Column, Row, answered, field, name, shortened, sized, timed
from viscript.plugin import Answer, VerbCall

TYPES: Final = {"stcpr": "direct, over TCP", "dmsg": "by a messenger"}


def _state(row: Row) -> str:
    return "up" if row["up"] else f"down: {row['reason']}" if row.get("reason") else "down"


COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: str(row["id"])[:8]),
    ("type", field("type")),
    ("peer", name),
    ("state", _state),
    ("rtt", timed("rtt_seconds")),
    ("sent", sized("sent_bytes")),
    ("received", sized("received_bytes")),
    ("kept", lambda row: "yes" if row["persistent"] else "no"),
    ("key", shortened("public_key")),
)


async def listed(call: VerbCall) -> Answer:
    """The links of this node."""
    rows = await ask(call, "transports")
    return answered(call, rows, COLUMNS, empty="no transport; `tp add KEY@HOST:PORT` makes one")


async def added(call: VerbCall) -> Answer:
    """Link up with a neighbour, and stay so over restarts."""
    row = await ask(
        call,
        "add_transport",
        peer=call.args["peer"],
        type=call.args["type"] or None,
        persistent=not call.args["temporary"],
    )
    about = f"transport {row['id']} ({row['type']}) to {name(row)}"
    why = f" ({row['reason']})" if row.get("reason") else ""
    state = "is up" if row["up"] else f"is not up yet{why}; it is dialled until it is"
    return Answer(data=row, text=f"{about} {state}\n")


async def removed(call: VerbCall) -> Answer:
    """Hang up, and do not dial again."""
    row = await ask(call, "remove_transport", transport=call.args["id"])
    return Answer(data=row, text=f"transport {row['id']} to {name(row)} is gone\n")


async def types(call: VerbCall) -> Answer:
    """The kinds of links there are."""
    rows = [{"type": each, "text": TYPES.get(each, "")} for each in await ask(call, "transport_types")]
    return answered(call, rows, (("type", field("type")), ("is", field("text"))), empty="none")
