"""The subscription of a prompt: events as they happen, and the state of the daemon when it changes.

A subscriber that reads slowly loses nothing while the event log still holds what it missed; after
that it is told `{"gap": oldest}` and goes on there. What happens to apps of other hosts is told beside
that, as `{"far": event}`, without a cursor.
"""

import asyncio
import logging
from typing import Any, Final

from viscript.cluster.far.news import News
from viscript.cluster.links.api import HostLinks, Reach
from viscript.door.connection import Connection
from viscript.door.protocol import Subscribe, line
from viscript.events import Gap
from viscript.states import UP, State
from viscript.supervisor.api import World
from viscript.verbs.watching import Follower

log = logging.getLogger(__name__)

SETTLE_S: Final = 0.1  # changes of state are told together
_FAILED: Final = frozenset({State.BACKOFF, State.FATAL})


async def stream(connection: Connection, world: World, wanted: Subscribe, *, far: bool = False) -> None:
    """Tell one subscriber until he leaves; `far`: with what happens on other hosts."""
    follower = Follower(world.events, wanted.cursor)
    try:
        async with asyncio.TaskGroup() as group:
            told = [group.create_task(_tell(connection, world, follower))]
            if far and world.links is not None:
                told.append(group.create_task(_tell_far(connection, world.links)))
            group.create_task(_until_gone(connection, told))
    except* OSError as several:
        log.debug("a subscriber left: %s", several.exceptions[0])
    finally:
        follower.close()


async def _until_gone(connection: Connection, told: list[asyncio.Task[None]]) -> None:
    while await connection.chunk():
        pass
    for task in told:
        task.cancel()


async def _tell_far(connection: Connection, links: HostLinks) -> None:
    async def tell(event: dict[str, Any]) -> None:  # Any: JSON
        await connection.send(line({"far": event}))

    await News(links, tell).follow()


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
    hosts = [] if world.far is None else world.far.hosts()
    down = sum(host.state is Reach.DOWN for host in hosts)
    return {
        "host": world.facts().label,
        "running": sum(item.state in UP for item in instances),
        "failed": sum(item.state in _FAILED for item in instances),
        "apps": len(world.supervisor.apps()),
        "peers": 0,
        **({"hosts_up": len(hosts) - down, "hosts_down": down} if hosts else {}),
    }
