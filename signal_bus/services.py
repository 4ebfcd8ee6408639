"""Who offers which service now. Pure: time is an argument, changes are returned."""

from dataclasses import dataclass, field

from signal_bus.ids import Generation, SeqId
from signal_bus.limits import SERVICES_PER_CLIENT
from signal_bus.messages import Offer, Service


@dataclass(frozen=True)
class Change:
    """What came and what went."""

    added: tuple[Service, ...] = ()
    removed: tuple[Service, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


@dataclass
class _Entry:
    seq: SeqId
    generation: Generation
    offer: Offer
    ends: float = field(default=float("inf"))


class TooManyServices(Exception):
    """One client offers more than it may."""


class Services:
    """The offers of all clients, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[tuple[SeqId, str, str], _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def offer(self, seq: SeqId, generation: Generation, offer: Offer, now: float) -> Change:
        """Enter or refresh an offer. Raises `TooManyServices`."""
        key = (seq, offer.name, offer.type)
        old = self._entries.get(key)
        if (
            old is None
            and sum(1 for entry in self._entries.values() if entry.seq == seq) >= SERVICES_PER_CLIENT
        ):
            raise TooManyServices
        ends = now + offer.ttl_s if offer.ttl_s else float("inf")
        new = self._entries[key] = _Entry(seq, generation, offer, ends)
        if old is not None and old.offer == offer and old.generation == generation:
            return Change()
        return Change((_service(new, now),), (_service(old, now),) if old else ())

    def withdraw(self, seq: SeqId, name: str, kind: str, now: float) -> Change:
        """Take an offer back; nothing happens when there is none."""
        return self._drop([key for key in [(seq, name, kind)] if key in self._entries], now)

    def find(self, name: str = "", kind: str = "", *, now: float) -> tuple[Service, ...]:
        """Live offers that match; an empty field matches all."""
        return tuple(
            _service(entry, now)
            for entry in self._entries.values()
            if entry.ends > now and name in ("", entry.offer.name) and kind in ("", entry.offer.type)
        )

    def expire(self, now: float) -> Change:
        """Drop what was not refreshed in time."""
        return self._drop([key for key, entry in self._entries.items() if entry.ends <= now], now)

    def remove(self, seq: SeqId, generation: Generation, now: float) -> Change:
        """Drop all that this launch, or an older one, of `seq` offered."""
        keys = [k for k, e in self._entries.items() if e.seq == seq and e.generation <= generation]
        return self._drop(keys, now)

    def _drop(self, keys: list[tuple[SeqId, str, str]], now: float) -> Change:
        return Change((), tuple(_service(self._entries.pop(key), now) for key in keys))


def _service(entry: _Entry, now: float) -> Service:
    offer = entry.offer
    return Service(
        name=offer.name,
        type=offer.type,
        address=offer.address,
        seq=entry.seq,
        generation=entry.generation,
        expires_s=max(0.0, entry.ends - now) if offer.ttl_s else 0.0,
        meta=offer.meta,
    )
