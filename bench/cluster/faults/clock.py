"""The clock that all hosts of one machine share, and that goes on while one of them is frozen."""

import time


def now() -> float:
    """Seconds of BOOTTIME."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
