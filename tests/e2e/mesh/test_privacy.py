"""A node between knows the nodes before and after it, and nobody else: its memory, home and wire say so."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import scan
from tests.support.mesh_hosts import Visor, World, mesh_hosts

MARKER = secrets.token_bytes(32)
TIMES = 20_000


@pytest.fixture
async def world(short_tmp: Path) -> AsyncIterator[World]:
    async with mesh_hosts(short_tmp) as made:
        yield made


async def talk(ann: Visor, eve: Visor, way: list[Visor]) -> None:
    """The marker goes both ways, many times, by exactly this way."""
    async with (
        asyncio.timeout(60),
        ann.app() as near,
        eve.app() as far,
        far.listen(7) as incoming,
        await near.dial(eve.key, 7, hops=[visor.key for visor in way]) as stream,
        await incoming.accept() as taken,
    ):
        for _ in range(TIMES // 1000):
            stream.write(MARKER * 1000)
            await stream.drain()
            got = await taken.readexactly(len(MARKER) * 1000)
            taken.write(got)
            await taken.drain()
            assert await stream.readexactly(len(got)) == got
        row = next(row for row in await ann.call("routes") if not row["standby"])
        assert row["hops"] == [visor.pk for visor in way]


def everywhere(needles: scan.Needles, visor: Visor, capture: scan.Capture) -> dict[str, Counter[str]]:
    """What is found of the needles in the memory, the home and the packets of one host."""
    assert capture.dropped == 0
    return {
        "memory": scan.found(needles, scan.memory(visor.pid)),
        "home": scan.found(needles, [*scan.files(visor.home), visor.log.read_bytes()]),
        "wire": scan.found(needles, capture.packets),
    }


async def test_the_middle_of_three_nodes_knows_neither_end_nor_what_they_say(world: World) -> None:
    ann, hub, dan, eve = await world.visors("ann", "hub", "dan", "eve", hidden="eve")
    await world.link(ann, hub)
    await world.relay(dan, eve)
    await world.path(dan, eve)
    await world.path(ann, hub)
    (ben,) = await world.visors("ben")  # the last: the directory has all ends by now
    with scan.Capture(ben.host) as middle, scan.Capture(ann.host) as end:
        for one, other in ((hub, ben), (ben, dan)):
            await world.link(one, other)
        await world.path(ann, hub, ben, dan, eve)
        await talk(ann, eve, [hub, ben, dan])
    ends = {**scan.of_key("ann", ann.key), **scan.of_key("eve", eve.key), "marker": MARKER}
    neighbours = scan.of_key("hub", hub.key)
    assert {rule["kind"] for rule in await ben.call("rules")} == {"forward"}
    at_the_middle, at_an_end = everywhere(ends, ben, middle), everywhere(ends, ann, end)
    print(f"{len(middle.packets)} packets at the middle, {len(end.packets)} at the end")
    print("middle:", at_the_middle, "\nend:", at_an_end)
    assert at_the_middle == {"memory": Counter(), "home": Counter(), "wire": Counter()}
    assert {"ann raw", "eve raw", "eve hex", "marker"} <= at_an_end["memory"].keys()
    assert "eve hex" in at_an_end["wire"]  # its own question for a way, to the node manager
    assert "hub raw" in everywhere(neighbours, ben, middle)["memory"]  # the scan finds what is there
