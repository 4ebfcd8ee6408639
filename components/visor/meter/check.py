"""What the file of a meter says, row by row: what is signed, what is not, what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from components.mesh.errors import WireError
from components.visor.meter.judge import differ
from components.visor.meter.receipt import Receipt, Signed, is_signed
from components.visor.meter.store import Kept
from components.visor.meter.sums import Entry, Line
from signal_bus.ids import PublicKey


class Standing(StrEnum):
    """Of one line and day."""

    SIGNED = "signed"  # both signed for it
    OPEN = "open"  # both signed, and more was counted since
    NONE = "none"  # nobody signed yet
    DIFFERS = "differs"  # the two ends, or the receipt and our sums, say different things
    FORGED = "forged"  # a signature does not fit


BAD = frozenset({Standing.DIFFERS, Standing.FORGED})


@dataclass
class Lined:
    """All that is known of one line and day."""

    day: int
    line: Line
    entries: list[Entry] = field(default_factory=list)
    kept: Kept | None = None

    @property
    def sent(self) -> int:
        """Of all apps."""
        return sum(entry.sent for entry in self.entries)

    @property
    def received(self) -> int:
        """Of all apps."""
        return sum(entry.received for entry in self.entries)


@dataclass(frozen=True)
class Finding:
    """One line and day, judged; `text` says what is wrong."""

    lined: Lined
    standing: Standing
    text: str = ""
    signed: Signed | None = None


def lined_up(entries: Iterable[Entry], kept: Iterable[Kept]) -> list[Lined]:
    """Figures and receipts of the same line and day together, the oldest first."""
    found: dict[tuple[int, Line], Lined] = {}
    for entry in entries:
        found.setdefault((entry.day, entry.line), Lined(entry.day, entry.line)).entries.append(entry)
    for one in kept:
        found.setdefault((one.day, one.line), Lined(one.day, one.line)).kept = one
    return [found[key] for key in sorted(found)]


def judged(
    own: PublicKey, lined: Lined, disputes: Mapping[tuple[int, Line], Receipt], *, verify: bool
) -> Finding:
    """How it stands. Without `verify` the signatures are taken for good."""
    if lined.kept is None:
        return _unsigned(lined, disputes)
    try:
        signed = lined.kept.signed
    except WireError as exc:
        return Finding(lined, Standing.FORGED, f"the receipt cannot be read: {exc}")
    wrong = _forged(own, lined, signed) if verify else ""
    if wrong:
        return Finding(lined, Standing.FORGED, wrong, signed)
    return _compared(lined, signed, disputes)


def _unsigned(lined: Lined, disputes: Mapping[tuple[int, Line], Receipt]) -> Finding:
    if (lined.day, lined.line) in disputes:
        return Finding(lined, Standing.DIFFERS, _dispute(lined, disputes))
    return Finding(lined, Standing.NONE)


def _forged(own: PublicKey, lined: Lined, signed: Signed) -> str:
    """What is wrong with a receipt itself; nothing, if all is right."""
    receipt, line = signed.receipt, lined.line
    ends = (own, line.peer) if line.dialled else (line.peer, own)
    if (receipt.dialler, receipt.dialled, receipt.port, receipt.day) != (*ends, line.port, lined.day):
        return "the receipt is one of another line or day"
    for key, signature in ((ends[0], signed.by_dialler), (ends[1], signed.by_dialled)):
        if not is_signed(receipt, key, signature):
            return f"the signature of {'this node' if key == own else key.hex()} does not fit the receipt"
    return ""


def _compared(lined: Lined, signed: Signed, disputes: Mapping[tuple[int, Line], Receipt]) -> Finding:
    there, back = signed.receipt.there_bytes, signed.receipt.back_bytes
    sent, received = (there, back) if lined.line.dialled else (back, there)
    for word, own, both in (("sent", lined.sent, sent), ("received", lined.received, received)):
        if own < both and differ(own, both):
            text = f"both signed for {both} bytes {word}, but only {own} are counted here"
            return Finding(lined, Standing.DIFFERS, text, signed)
    if (lined.day, lined.line) in disputes:
        return Finding(lined, Standing.DIFFERS, _dispute(lined, disputes), signed)
    more = differ(lined.sent, sent) or differ(lined.received, received)
    return Finding(lined, Standing.OPEN if more else Standing.SIGNED, "", signed)


def _dispute(lined: Lined, disputes: Mapping[tuple[int, Line], Receipt]) -> str:
    theirs = disputes[lined.day, lined.line]
    there, back = theirs.there_bytes, theirs.back_bytes
    sent, received = (there, back) if lined.line.dialled else (back, there)
    return f"the peer counts {sent} bytes sent and {received} received, we {lined.sent} and {lined.received}"
