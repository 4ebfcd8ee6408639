"""In which order setup nodes are asked: the good ones in turn, those that failed of late at the end. Pure."""

from collections.abc import Sequence
from typing import Final

from signal_bus.ids import PublicKey

SHUNNED_S: Final = 30.0


class Rotation:
    """The setup nodes of one visor. `now` is monotonic seconds."""

    def __init__(self, nodes: Sequence[PublicKey]) -> None:
        self._nodes = list(dict.fromkeys(nodes))
        self._shunned: dict[PublicKey, float] = {}

    def order(self, now: float) -> list[PublicKey]:
        """Whom to ask, the first first; the next request starts with another."""
        good = [key for key in self._nodes if self._shunned.get(key, now) <= now]
        bad = sorted((key for key in self._nodes if key not in good), key=self._shunned.__getitem__)
        if good:
            self._nodes.remove(good[0])
            self._nodes.append(good[0])
        return good + bad

    def shun(self, key: PublicKey, now: float) -> None:
        """It failed, or was too slow: it is asked last for a while."""
        self._shunned[key] = now + SHUNNED_S

    def praise(self, key: PublicKey) -> None:
        """It answered."""
        self._shunned.pop(key, None)
