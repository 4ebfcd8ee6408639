"""meter, mesh conns: what apps sent and received over the mesh, who signed for it, and what is open now."""

from __future__ import annotations

from typing import Final

from plugins.mesh.asking import ask
from plugins.mesh.shown import Column, Row, answered, field, short, size, sized, timed
from viscript.plugin import Answer, ExitCode, VerbCall

FAULTS: Final = ("forged", "differs")


def _peer(row: Row) -> str:
    return str(row["label"] or short(row["peer"]))


def _side(row: Row) -> str:
    return f"{'to' if row['dialled'] else 'on'} {row['port']}"


def _speed(row: Row) -> str:
    return f"{size(row['sent_bytes_per_second'])}/s, {size(row['received_bytes_per_second'])}/s"


METER: Final[tuple[Column, ...]] = (
    ("day", field("day")),
    ("app", field("app")),
    ("peer", _peer),
    ("port", _side),
    ("sent", sized("sent_bytes")),
    ("received", sized("received_bytes")),
    ("receipt", field("receipt")),
)
VERIFIED: Final[tuple[Column, ...]] = (
    *METER[:-1],
    ("signed", lambda row: f"{size(row['signed_sent_bytes'])}, {size(row['signed_received_bytes'])}"),
    ("receipt", field("receipt")),
    ("what", field("text")),
)
LINKS: Final[tuple[Column, ...]] = (
    ("day", field("day")),
    ("neighbour", lambda row: str(row["label"] or short(row["public_key"]) or "gone")),
    ("transport", lambda row: short(row["transport"])),
    ("sent", sized("sent_bytes")),
    ("received", sized("received_bytes")),
)
CONNECTIONS: Final[tuple[Column, ...]] = (
    ("app", field("app")),
    ("peer", _peer),
    ("port", _side),
    ("sent", sized("sent_bytes")),
    ("received", sized("received_bytes")),
    ("out, in", _speed),
    ("latency", timed("rtt_seconds")),
    ("since", timed("duration_seconds")),
    ("path", field("path")),
)


async def metered(call: VerbCall) -> Answer:
    """What each app sent and received, by peer and day."""
    rows = await ask(call, "meter", since=call.args["since"] or None)
    return answered(call, rows, METER, empty="nothing went over the mesh yet")


async def verified(call: VerbCall) -> Answer:
    """Each receipt checked, and both sums."""
    rows = await ask(call, "meter_verify", since=call.args["since"] or None)
    faulty = any(row["receipt"] in FAULTS for row in rows)
    code = ExitCode.FAILED if faulty else ExitCode.DONE
    return answered(call, rows, VERIFIED, empty="nothing went over the mesh yet", code=code)


async def links(call: VerbCall) -> Answer:
    """What each link carried, by day."""
    rows = await ask(call, "meter_links", since=call.args["since"] or None)
    return answered(call, rows, LINKS, empty="nothing is written down yet; it is every half minute")


async def connections(call: VerbCall) -> Answer:
    """The streams of apps that are open."""
    rows = await ask(call, "connections")
    return answered(call, rows, CONNECTIONS, empty="no stream is open")
