"""What a visor answers about what went by: figures by app, peer and day, receipts, open connections."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Final

from components.visor.links.meter import OTHERS as OTHER_TRANSPORTS
from components.visor.meter.check import Finding
from components.visor.meter.limits import CONNECTIONS_SHOWN
from components.visor.meter.receipt import date_of, day_from
from components.visor.meter.sums import OTHERS, Entry, Line
from components.visor.meter.watching import Watched
from components.visor.node.names import Names, Row, told
from components.visor.node.node import Node
from components.visor.plane.joint import Joint
from signal_bus.errors import RemoteError
from signal_bus.ids import PublicKey

UNNAMED: Final = "all others"


class Metering:
    """The figures of one node."""

    def __init__(self, node: Node, names: Names) -> None:
        self._node = node
        self._names = names

    async def meter(self, since: str = "") -> list[Row]:
        """What each app sent and received, by peer and day, the oldest first."""
        with told():
            findings = await self._node.meter.findings(_day(since), verify=False)
        return [self._row(finding, entry) for finding in findings for entry in finding.lined.entries]

    async def meter_verify(self, since: str = "") -> list[Row]:
        """Each line and day: whether its receipt is true and both sums agree. Has signed what is not yet."""
        with told():
            await self._node.meter.settle()
            findings = await self._node.meter.findings(_day(since), verify=True)
        return [self._verified(finding) for finding in findings]

    async def meter_links(self, since: str = "") -> list[Row]:
        """What each transport carried, for us and for others, by day."""
        first = date_of(_day(since))
        with told():
            moved = await self._node.links.moved()
        peers = {row.id: PublicKey(bytes.fromhex(row.public_key)) for row in self._node.links.rows()}
        return [
            {
                "day": each.day,
                "transport": str(each.id),
                "public_key": peers[str(each.id)].hex() if str(each.id) in peers else "",
                "label": self._neighbour(str(each.id), peers, others=each.id == OTHER_TRANSPORTS),
                "sent_bytes": each.sent_bytes,
                "received_bytes": each.received_bytes,
            }
            for each in moved
            if each.day >= first
        ]

    async def connections(self) -> list[Row]:
        """The streams of apps that are open, the newest last."""
        now = asyncio.get_running_loop().time()
        by_tally = {
            end.tally: joint for joint in self._node.groups.joints() for end in joint.streams.values()
        }
        open_ones = (each for each in self._node.meter.watch if not each.stream.over)
        rows = [
            self._connection(each, by_tally.get(each.tally), now)
            for each in islice(open_ones, CONNECTIONS_SHOWN)
        ]
        return sorted(rows, key=lambda row: -row["duration_seconds"])

    # -- inside

    def _row(self, finding: Finding, entry: Entry) -> Row:
        return {
            "day": date_of(entry.day),
            "app": entry.app,
            **self._line(entry.line),
            "sent_bytes": entry.sent,
            "received_bytes": entry.received,
            "restored_bytes": entry.restored,
            "receipt": finding.standing.value,
        }

    def _line(self, line: Line) -> Row:
        return {
            "peer": "" if line == OTHERS else line.peer.hex(),
            "label": UNNAMED if line == OTHERS else self._names.label(line.peer),
            "port": line.port,
            "dialled": line.dialled,
        }

    def _verified(self, finding: Finding) -> Row:
        lined, signed = finding.lined, finding.signed
        there, back = (0, 0) if signed is None else signed.receipt[5:7]
        sent, received = (there, back) if lined.line.dialled else (back, there)
        return {
            "day": date_of(lined.day),
            "app": ", ".join(entry.app for entry in lined.entries),
            **self._line(lined.line),
            "sent_bytes": lined.sent,
            "received_bytes": lined.received,
            "signed_sent_bytes": sent,
            "signed_received_bytes": received,
            "sequence": None if signed is None else signed.receipt.sequence,
            "receipt": finding.standing.value,
            "text": finding.text,
        }

    def _neighbour(self, id: str, peers: dict[str, PublicKey], *, others: bool) -> str:
        if others:
            return UNNAMED
        return self._names.label(peers[id]) if id in peers else ""

    def _connection(self, each: Watched, joint: Joint | None, now: float) -> Row:
        stream = each.stream
        return {
            "app": each.app,
            "stream": stream.number,
            "peer": stream.pk.hex(),
            "label": self._names.label(stream.pk),
            "port": each.line.port,
            "dialled": stream.dialled,
            "sent_bytes": each.tally.acknowledged_bytes,
            "received_bytes": each.tally.received_bytes,
            "sent_bytes_per_second": round(each.sent_speed),
            "received_bytes_per_second": round(each.received_speed),
            "rtt_seconds": None if joint is None else joint.group.rtt_s,
            "duration_seconds": round(now - each.opened_at, 1),
            "path": "" if joint is None else self._names.way(joint),
        }


def _day(text: str) -> int:
    """The first day to tell of. Raises `RemoteError`."""
    try:
        return day_from(text) if text else 0
    except ValueError as exc:
        raise RemoteError("bad-request", f"{text!r} is no day: one as 2030-12-31 is expected") from exc
