"""Which number a key must sign its next request with, so that none is carried out twice. Pure.

Numbers go up by one a request. Keys that were long away, or the oldest of too many, are forgotten: then the
floor, where new keys begin, is raised above theirs. A new ledger's floor comes from the clock. So a number
that was used never comes back, whatever is forgotten or lost.
"""

from __future__ import annotations

from typing import Final

from components.node_manager import limits
from components.node_manager.ledger import Change, Ledger, NonceRow, put
from components.node_manager.plan import OutOfStep

FLOOR: Final = ""
NEVER: Final = 4e9
A_SECOND: Final = 1_000  # numbers: a key cannot use so many in a second


def expected(ledger: Ledger, key: str) -> int:
    """The number that is due from a key."""
    row = ledger.nonces.get(key)
    return row.next if row else _floor(ledger)


def use(ledger: Ledger, key: str, nonce: int, now: float) -> list[Change]:
    """What changes when a key used `nonce`. Raises `OutOfStep` unless that one was due."""
    if nonce != expected(ledger, key):
        raise OutOfStep(401, "nonce", "SW-Nonce does not match", expected(ledger, key))
    changes = [put(key, NonceRow(ends=now + limits.REMEMBER_S, next=nonce + 1))]
    if key not in ledger.nonces and len(ledger.nonces) > limits.MOST_NONCES:
        oldest = next(each for each in ledger.nonces if each != FLOOR)
        changes += forget(ledger, [oldest])
    return changes


def forget(ledger: Ledger, gone: list[str]) -> list[Change]:
    """What changes when keys are forgotten."""
    floor = max([_floor(ledger), *(ledger.nonces[key].next for key in gone)])
    drops = [Change("nonce", key, None) for key in gone]
    return [put(FLOOR, NonceRow(ends=NEVER, next=floor)), *drops]


def first(now: float) -> Change:
    """The floor of a new ledger."""
    return put(FLOOR, NonceRow(ends=NEVER, next=int(now * A_SECOND)))


def _floor(ledger: Ledger) -> int:
    return ledger.nonces[FLOOR].next
