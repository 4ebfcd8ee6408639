"""How long to wait before the next dial. Pure: randomness is handed in."""

from collections.abc import Callable

from components.visor.links.limits import FIRST_DELAY_S, JITTER, LONGEST_DELAY_S


class Backoff:
    """Delays that double up to a bound, each a little shorter by chance."""

    def __init__(
        self,
        chance: Callable[[], float],
        *,
        first_s: float = FIRST_DELAY_S,
        longest_s: float = LONGEST_DELAY_S,
    ) -> None:
        """`chance` gives numbers from 0 to 1."""
        self._chance = chance
        self._first_s = self._delay_s = first_s
        self._longest_s = longest_s

    def next_delay(self) -> float:
        """Seconds to wait now; the next answer is twice as long."""
        delay_s = self._delay_s
        self._delay_s = min(2 * delay_s, self._longest_s)
        return delay_s * (1 - JITTER * self._chance())

    def ease(self, most_s: float) -> None:
        """It went well, but not for long: the next delay is no longer than this."""
        self._delay_s = min(self._delay_s, most_s)

    def reset(self) -> None:
        """It went well: begin again with the shortest."""
        self._delay_s = self._first_s
