"""How much a row of the cluster's bench measures."""

from typing import NamedTuple


class Size(NamedTuple):
    """Counts of a full run, or of a quick one."""

    hosts: int  # real ones
    guests: int  # simulated ones
    tries: int  # of each command
    kills: int  # of the engine's leader


FULL = Size(hosts=20, guests=1000, tries=60, kills=10)
QUICK = Size(hosts=6, guests=200, tries=15, kills=2)
