"""Who may ask how often: a bucket of tokens for each asker, and a bound on the buckets. Pure."""

import math
from collections import OrderedDict


class Rates:
    """Buckets that fill at `rate` a second up to `burst`. `now` is monotonic seconds.

    When there are too many, the one that was not used for longest is forgotten, which gives it a full one:
    to be forgotten, others must come in numbers.
    """

    def __init__(self, rate: float, burst: float, most: int) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, who: str, now: float, cost: float = 1.0) -> int:
        """Take `cost` tokens: 0, or the whole seconds to wait where there are too few."""
        tokens, then = self._buckets.pop(who, (self._burst, now))
        cost = min(cost, self._burst)
        tokens = min(self._burst, tokens + max(now - then, 0.0) * self._rate)
        enough = tokens >= cost
        self._buckets[who] = (tokens - cost if enough else tokens, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0 if enough else math.ceil((cost - tokens) / self._rate)
