"""The client's place at a visor that goes and comes back."""

import asyncio
from pathlib import Path

import pytest

from components.visor.app import App, NoVisor, PortTaken, Stream
from components.visor.kit.kept import KeptVisor
from components.visor.node.node import Node
from signal_bus.identity import Identity, draw
from tests.support.nodes import mesh, row, until


async def test_a_visor_that_went_is_looked_for_until_it_is_back(short_tmp: Path) -> None:
    async with mesh(short_tmp) as made, asyncio.TaskGroup() as group:
        second = await made.node()
        options = made.options(9)
        sockets = iter([options.app_socket, options.app_socket, second.options.app_socket])
        visor = KeptVisor(lambda: App.connect(str(next(sockets)), patience_s=0.1))
        async with Node.running(Identity(draw()), options, made.around):
            running = group.create_task(visor.run(lambda app: None))
            first = await visor.app()
        await until(lambda: not visor.is_there)
        assert await visor.app() is not first
        running.cancel()


async def test_without_one_at_the_start_it_ends() -> None:
    visor = KeptVisor(lambda: App.connect("/nonexistent", patience_s=0.0))
    with pytest.raises(NoVisor, match="start one with"):
        await visor.run(lambda app: None)


async def test_streams_to_its_port_are_served_and_a_fault_in_one_ends_no_other(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def shout(stream: Stream) -> None:
        stream.write((await stream.readline()).upper() or bytes(1 // 0))
        stream.close()

    async with mesh(short_tmp) as made, asyncio.TaskGroup() as group:
        near, far = await row(made, 2)
        kept = KeptVisor(lambda: App.connect(str(far.options.app_socket)), 7, shout)
        running = group.create_task(kept.run(lambda app: None))
        await kept.app()
        app = await made.app(near)
        for said, heard in ((b"hello\n", b"HELLO\n"), (b"", b""), (b"again\n", b"AGAIN\n")):
            async with await app.dial(far.key, 7) as stream:
                stream.write(said)
                stream.write_eof()
                assert await stream.read() == heard
        running.cancel()
    assert "a stream failed" in caplog.text


async def test_a_port_that_another_app_has_is_told_at_the_start(short_tmp: Path) -> None:
    async with mesh(short_tmp) as made:
        node = await made.node()
        app = await made.app(node)
        async with app.listen(7):
            kept = KeptVisor(lambda: App.connect(str(node.options.app_socket)), 7)
            with pytest.raises(PortTaken):
                await kept.run(lambda app: None)


async def test_figures_of_a_visor_that_goes_are_not_waited_for(short_tmp: Path) -> None:
    async with mesh(short_tmp) as made, asyncio.TaskGroup() as group:
        node = await made.node()
        kept = KeptVisor(lambda: App.connect(str(node.options.app_socket)))
        running = group.create_task(kept.run(lambda app: None))
        app = await kept.app()
        await kept.refresh()
        app.close()
        await kept.refresh()
        running.cancel()
    await kept.refresh()
