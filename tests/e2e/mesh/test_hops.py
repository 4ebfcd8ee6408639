"""Five visors on five hosts, one behind NAT: streams and messages over one, two and three hops."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from components.visor.app import App
from tests.support.carrying import MIB, carry
from tests.support.mesh_hosts import Visor, World, eventually, mesh_hosts

GREETING = ["Hello Mike!", "Hello Joe!", "System is working!"]


@pytest.fixture
async def world(short_tmp: Path) -> AsyncIterator[World]:
    async with mesh_hosts(short_tmp) as made:
        yield made


async def five(world: World) -> list[Visor]:
    """Ann, ben, the hub and dan in a row; eve behind NAT, linked with dan by the messenger."""
    nodes = await world.visors("ann", "ben", "hub", "dan", "eve", hidden="eve")
    ann, ben, hub, dan, eve = nodes
    for one, other in ((ann, ben), (ben, hub), (hub, dan)):
        await world.link(one, other)
    await world.relay(dan, eve)
    return nodes


async def streamed(world: World, way: list[Visor], size: int) -> None:
    """`size` bytes over exactly these visors."""
    first, *between, last = way
    await world.path(*way)
    async with first.app() as near, last.app() as far:
        done = await carry(
            near, far, size, min_hops=len(way) - 1, hops=[visor.key for visor in between], group="show"
        )
    print(f"{len(way) - 1} hop(s), {' > '.join(visor.name for visor in way)}: {done}")
    row = next(row for row in await first.call("routes") if row["dst"] == last.pk)
    assert row["hops"] == [visor.pk for visor in between]


async def greeted(near: App, far: App) -> list[str]:
    """What the two said to each other on one stream."""
    heard = []
    async with (
        far.listen(1) as incoming,
        await near.dial(far.key, 1) as mike,
        await incoming.accept() as joe,
    ):
        for speaker, listener, text in zip((mike, joe, mike), (joe, mike, joe), GREETING, strict=True):
            speaker.write(f"{text}\n".encode())
            heard.append((await listener.readline()).decode().strip())
    return heard


async def lettered(mike: Visor, joe: Visor) -> list[str]:
    """The same by messages, which wait for who is away."""
    for count, (sender, receiver) in enumerate(((mike, joe), (joe, mike), (mike, joe)), 1):
        await sender.call("send_message", peer=receiver.pk, text=GREETING[count - 1])

        async def came(receiver: Visor = receiver, count: int = count) -> bool:
            return len(await receiver.call("messages")) >= count

        await eventually(came, f"message {count}")
    return [row["text"] for row in await joe.call("messages", peer=mike.pk)]


def shown(visors: list[Visor], rows: dict[str, Any], routes: list[dict[str, Any]]) -> None:
    """The map and the routes, by names."""
    names = {visor.pk: visor.name for visor in visors}
    for row in rows["transports"]:
        ends = " - ".join(sorted(names[edge] for edge in row["edges"]))
        print(f"{ends:12} {row['type']:6} {'up' if row['up'] else 'down'}")
    for row in routes:
        way = " > ".join(names[key] for key in (row["src"], *row["hops"], row["dst"]))
        print(f"{row['id']:12} {way}  {'standby' if row['standby'] else 'active'}  {row['bytes']} bytes")


async def test_five_hosts_talk_over_one_two_and_three_hops_and_by_the_messenger(world: World) -> None:
    nodes = await five(world)
    ann, ben, hub, dan, eve = nodes
    for way in ([ann, ben], [ann, ben, hub], [ann, ben, hub, dan], [dan, eve]):
        await streamed(world, way, 64 * MIB)
    async with asyncio.timeout(60), ann.app() as near, eve.app() as far:
        assert await greeted(near, far) == GREETING
    assert await lettered(ann, eve) == GREETING
    whole = await ann.call("mesh_map")
    assert {node["public_key"] for node in whole["nodes"]} == {visor.pk for visor in nodes}
    assert sorted(row["type"] for row in whole["transports"]) == ["dmsg", "stcpr", "stcpr", "stcpr"]
    shown(nodes, whole, await ann.call("routes"))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_gibibyte_comes_whole_over_each_way(world: World) -> None:
    ann, ben, hub, dan, eve = await five(world)
    for way in ([ann, ben], [ann, ben, hub], [ann, ben, hub, dan], [dan, eve]):
        await streamed(world, way, 1024 * MIB)
