"""How long and how often things are measured."""

from typing import Final, NamedTuple


class Scale(NamedTuple):
    """One size of run."""

    rounds: int
    rate_s: float  # how long a rate is measured
    idle_s: float
    stop_s: float  # longest wait for all to be gone
    kills: int
    log_mb: int
    log_s: float  # longest wait for the log


FULL: Final = Scale(rounds=3, rate_s=2.0, idle_s=20.0, stop_s=60.0, kills=30, log_mb=200, log_s=45.0)
QUICK: Final = Scale(rounds=1, rate_s=0.5, idle_s=4.0, stop_s=30.0, kills=8, log_mb=50, log_s=20.0)
