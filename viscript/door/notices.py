"""The subscription of a prompt: events as they happen, and the state of the daemon when it changes.

A subscriber that reads slowly loses nothing while the event log still holds what it missed; after
that it is told `{"gap": oldest}` and goes on there.
"""

import asyncio
import logging
from typing import Any, Final

from viscript.door.connection import Connection
from viscript.door.protocol import Subscribe, line
from viscript.events import Gap
from viscript.states import UP, State
from viscript.supervisor.api import World
from viscript.verbs.watching import Follower

log = logging.getLogger(__name__)

SETTLE_S: Final = 0.1  # changes of state are told together
_FAILED: Final = frozenset({State.BACKOFF, State.FATAL})


async def stream(connection: Connection, world: World, wanted: Subscribe) -> None:
    """Tell one subscriber until he leaves."""
    follower = Follower(world.events, wanted.cursor)
    try:
        async with asyncio.TaskGroup() as group:
            told = group.create_task(_tell(connection, world, follower))
            group.create_task(_until_gone(connection, told))
    except* OSError as several:
        log.debug("a subscriber left: %s", several.exceptions[0])
    finally:
        follower.close()


async def _until_gone(connection: Connection, told: asyncio.Task[None]) -> None:
    while await connection.chunk():
        pass
    told.cancel()


async def _tell(connection: Connection, world: World, follower: Follower) -> None:
    last = summary(world)
    await connection.send(line({"s": last}))
    while True:
        try:
            batch = await follower.next()
        except Gap as gap:
            await connection.send(line({"gap": gap.oldest}))
            continue
        await connection.send(b"".join(line({"ev": event}) for event in batch))
        await asyncio.sleep(SETTLE_S)
        now = summary(world)
        if now != last:
            last = now
            await connection.send(line({"s": now}))


def summary(world: World) -> dict[str, Any]:  # Any: JSON
    """What a prompt's toolbar shows."""
    instances = world.supervisor.instances()
    return {
        "host": world.facts().label,
        "running": sum(item.state in UP for item in instances),
        "failed": sum(item.state in _FAILED for item in instances),
        "apps": len(world.supervisor.apps()),
        "peers": 0,
    }
