import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from components.visor.node.node import Node
from plugins.mesh.lines import Flow, Lines
from signal_bus.client import RemoteError
from tests.support.nodes import Mesh, mesh, row, until

PORT = 700


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


@asynccontextmanager
async def running(*nodes: Node) -> AsyncIterator[list[Lines]]:
    """One at each node."""
    options = [Namespace(visor=str(node.options.app_socket), name="lines", port=PORT) for node in nodes]
    ends = [Lines(each) for each in options]
    ready: list[dict[str, str]] = []
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(end.run(ready.append)) for end in ends]
        await until(lambda: len(ready) == len(ends))
        yield ends
        for task in running:
            task.cancel()


async def test_all_lines_come_back(made: Mesh) -> None:
    one, other = await row(made, 2)
    async with running(one, other) as (near, _):
        await near.begin(other.key.hex())
        await until(lambda: near.status()["sent"] > 20)
        told = await near.end()
        assert told["sent"] > 20
        assert (told["lost"], told["doubled"]) == (0, 0)
        assert 0 < told["longest_gap_seconds"] < 15
        assert near.status() == {}
        await near.begin(other.key.hex())
        assert (await near.end())["lost"] == 0


async def test_lines_go_once_at_a_time(made: Mesh) -> None:
    one, other = await row(made, 2)
    async with running(one, other) as (near, _):
        await near.begin(other.key.hex())
        with pytest.raises(RemoteError, match="lines go already"):
            await near.begin(other.key.hex())
        await near.end()
        with pytest.raises(RemoteError, match="no lines go"):
            await near.end()


async def test_a_peer_where_nobody_answers_is_told(made: Mesh) -> None:
    one, other = await row(made, 2)
    async with running(one) as (near,):
        with pytest.raises(RemoteError, match="nobody listens"):
            await near.begin(other.key.hex())
        assert near.status() == {}


async def test_lines_of_a_stream_that_broke_are_lost(made: Mesh) -> None:
    one, other = await row(made, 2)
    async with running(one, other) as (near, _):
        await near.begin(other.key.hex())
        await until(lambda: near.status()["sent"] > 5)
        one.groups.close()
        told = await near.end()
        assert told["sent"] > 5


def test_what_comes_twice_or_out_of_order_is_counted() -> None:
    flow = Flow(sent=4, last_at=1.0)
    for number, now in ((0, 1.1), (0, 1.2), (3, 2.0)):
        flow.came(number, now)
    assert flow.told() == {"sent": 4, "lost": 1, "doubled": 2, "longest_gap_seconds": pytest.approx(0.8)}
