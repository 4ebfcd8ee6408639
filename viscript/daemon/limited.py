"""Puts together who watches apps with limits."""

from __future__ import annotations

import time
from collections.abc import Mapping

from viscript.daemon.parts import leaders
from viscript.events import EventLog
from viscript.home import Home
from viscript.keeper.host import choose, home_number
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.keeper_port import Keeper
from viscript.supervisor.limiting import Limiting
from viscript.usage.probe import default_probe
from viscript.usage.whole import Whole


def limiting(
    home: Home, environ: Mapping[str, str], conductor: Conductor, keeper: Keeper, events: EventLog
) -> Limiting:
    """The watch over all apps of a home."""
    number = home_number(home.root)
    grouped = number if choose(number, environ).tags else None
    whole = Whole(lambda: leaders(conductor), time.monotonic, default_probe(), grouped)
    return Limiting(conductor, keeper, events, whole.measure)
