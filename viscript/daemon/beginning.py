"""What a daemon that comes up begins: what was under way, and what the configuration wants."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from viscript.daemon.parts import Parts
from viscript.supervisor.api import AppEntry
from viscript.supervisor.autostart import autostart
from viscript.supervisor.lifecycle import Trigger

SLICE: Final = 8  # apps begun before the loop gets its turn: some milliseconds


async def begin_all(parts: Parts, apps: Mapping[str, AppEntry], under_way: Iterable[int]) -> None:
    """Start all of it before the door opens, so that whoever asks finds every app there is.

    Apps and operators on the bus are answered meanwhile.
    """
    conductor = parts.conductor
    plan = autostart(apps, conductor.managed.values())
    for seq in (*under_way, *plan.again):
        parts.renewing.refresh(conductor.managed[seq])  # the file may have changed meanwhile
        conductor.fire(conductor.managed[seq], Trigger.START, actor="autostart")
    missing = autostart(apps, conductor.managed.values()).new  # those that are up may have started others
    for place, name in enumerate(name for name, count in missing for _ in range(count)):
        parts.applying.start_configured(apps[name])
        if place % SLICE == 0:
            await asyncio.sleep(0)
