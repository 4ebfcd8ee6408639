"""Who uses an app now, and what all have used: the figures of `status`. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Final

from components.visor.kit.tally import Tally

SHOWN: Final = 200  # connections that `status` lists; the count is of all
_RATE_OVER_S: Final = 0.001


@dataclass
class Entry:
    """One connection."""

    peer: str
    destination: str
    since: float
    path: str = "tcp"
    wait_s: float = 0.0  # from the request to the answer
    at_exit: bool = False  # here, what comes from the stream is sent to the destination
    tally: Tally = field(default_factory=Tally)

    @property
    def sent(self) -> int:
        """Bytes to the destination."""
        return self.tally.incoming if self.at_exit else self.tally.outgoing

    @property
    def received(self) -> int:
        """Bytes from it."""
        return self.tally.outgoing if self.at_exit else self.tally.incoming

    def row(self, now: float) -> dict[str, Any]:  # Any: plain data of several types
        """What `status` shows of it."""
        seconds = max(now - self.since, _RATE_OVER_S)
        return {
            "peer": self.peer,
            "destination": self.destination,
            "path": self.path,
            "seconds": round(seconds, 3),
            "latency_seconds": round(self.wait_s, 4),
            "sent_bytes": self.sent,
            "received_bytes": self.received,
            "bytes_per_second": round((self.sent + self.received) / seconds),
        }


@dataclass
class Ledger:
    """All connections of one app."""

    served: int = 0
    refused: int = 0
    sent: int = 0
    received: int = 0
    _open: dict[int, Entry] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def open(self) -> int:
        """How many there are now."""
        return len(self._open)

    def opened(self, entry: Entry) -> int:
        """Count one in; the number is for `closed`."""
        number = next(self._ids)
        self._open[number] = entry
        return number

    def closed(self, number: int) -> None:
        """Count it out."""
        entry = self._open.pop(number)
        self.served += 1
        self.sent += entry.sent
        self.received += entry.received

    def figures(self, now: float) -> dict[str, Any]:  # Any: plain data of several types
        """What `status` answers."""
        entries = list(self._open.values())
        return {
            "open": self.open,
            "served": self.served,
            "refused": self.refused,
            "sent_bytes": self.sent + sum(entry.sent for entry in entries),
            "received_bytes": self.received + sum(entry.received for entry in entries),
            "connections": [entry.row(now) for entry in entries[:SHOWN]],
        }
