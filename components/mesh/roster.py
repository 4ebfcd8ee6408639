"""Which messengers to hold on to, and when to try one again. Pure: time and chance are arguments.

    free ---- chosen ----> held ---- lost ----> resting until it is due, then free

Each failure in a row doubles the rest, up to a bound, times a random share; a hold that lasted forgets them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from signal_bus.ids import PublicKey

FIRST_S: Final = 0.5
LONGEST_S: Final = 60.0
LASTED_S: Final = 60.0  # a hold of so long was a good one
_MAX_DOUBLINGS: Final = 16


class Messenger(NamedTuple):
    """Where a messenger is, and its key."""

    key: PublicKey
    address: tuple[str, int]


@dataclass
class _Past:
    held: bool = False
    failures: int = 0
    due: float = 0.0


class Roster:
    """The messengers a client may use, the favourite first. `now` is monotonic seconds."""

    def __init__(self, messengers: Sequence[Messenger] = ()) -> None:
        self._past: dict[Messenger, _Past] = {}
        self.replace(messengers)

    def replace(self, messengers: Sequence[Messenger]) -> None:
        """Use these from now on; what is known of those that stay is kept."""
        self._past = {each: self._past.get(each) or _Past() for each in messengers}

    def __contains__(self, messenger: object) -> bool:
        return messenger in self._past

    def choose(self, now: float) -> Messenger | None:
        """The first that is free, held from now on."""
        for messenger, past in self._past.items():
            if not past.held and past.due <= now:
                past.held = True
                return messenger
        return None

    def lost(self, messenger: Messenger, now: float, *, lasted_s: float, chance: float) -> None:
        """It is held no more; `chance` (0 to 1) spreads those who lost it together."""
        past = self._past.get(messenger)
        if past is None:
            return
        past.held = False
        past.failures = 1 if lasted_s >= LASTED_S else past.failures + 1
        rest_s = min(FIRST_S * 2 ** min(past.failures, _MAX_DOUBLINGS), LONGEST_S)
        past.due = now + rest_s * (0.5 + chance / 2)

    def wait_s(self, now: float) -> float | None:
        """How long until one is free; None when only another list can bring one."""
        dues = [past.due for past in self._past.values() if not past.held]
        return max(min(dues) - now, 0.0) if dues else None
