"""The client's place at a visor that goes and comes back."""

import asyncio
from pathlib import Path

import pytest

from components.visor.app import App, NoVisor
from components.visor.kit.kept import KeptVisor
from components.visor.node.node import Node
from signal_bus.identity import Identity, draw
from tests.support.nodes import mesh, until


async def test_a_visor_that_went_is_looked_for_until_it_is_back(short_tmp: Path) -> None:
    async with mesh(short_tmp) as made, asyncio.TaskGroup() as group:
        second = await made.node()
        options = made.options(9)
        sockets = iter([options.app_socket, options.app_socket, second.options.app_socket])
        visor = KeptVisor(lambda: App.connect(str(next(sockets)), patience_s=0.1))
        async with Node.running(Identity(draw()), options, made.around):
            running = group.create_task(visor.run(lambda: None))
            first = await visor.app()
        await until(lambda: not visor.is_there)
        assert await visor.app() is not first
        running.cancel()


async def test_without_one_at_the_start_it_ends() -> None:
    visor = KeptVisor(lambda: App.connect("/nonexistent", patience_s=0.0))
    with pytest.raises(NoVisor, match="start one with"):
        await visor.run(lambda: None)
