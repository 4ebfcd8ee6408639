"""Asking a peer's forwarding; the peer is an app of the test's own."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from components.visor.app import App, Stream
from components.visor.kit.kept import KeptVisor
from plugins.forward import calling
from plugins.forward.calling import Caller, NoWay
from plugins.forward.request import Open
from tests.support.nodes import link, mesh

ASKED = Open(target="127.0.0.1:9")


async def asking(
    folder: Path, serve: Callable[[Stream], Awaitable[None]], patience_s: float = 0.1
) -> NoWay | None:
    """Ask a peer that serves like this; why there was no way."""
    async with mesh(folder) as made, asyncio.TaskGroup() as group, asyncio.timeout(40):
        near, far = await made.node(), await made.node()
        await link(near, far)

        def connect(node: object) -> Callable[[], App]:
            return lambda: App.connect(str(node.options.app_socket))  # type: ignore[attr-defined]  # a node

        here, there = KeptVisor(connect(near)), KeptVisor(connect(far), 47, serve)
        ready = asyncio.Event()
        tasks = [group.create_task(here.run(lambda _: None))]
        tasks.append(group.create_task(there.run(lambda _: ready.set())))
        await ready.wait()
        try:
            (await Caller(here, 47).open(far.key.hex(), ASKED, patience_s=patience_s)).close()
        except NoWay as exc:
            return exc
        finally:
            for task in tasks:
                task.cancel()
    return None


async def test_one_that_hangs_up_or_speaks_otherwise_is_told(short_tmp: Path) -> None:
    for number, answer in enumerate((b"", b"HTTP/1.0 400 Bad Request\r\n", b"x" * 70_000, b'{"ok":tr')):

        async def serve(stream: Stream, answer: bytes = answer) -> None:
            await stream.readline()
            stream.write(answer)
            stream.close()

        error = await asking(short_tmp / str(number), serve)
        assert error is not None
        assert (error.code, "does not speak as forwarding does" in str(error)) == ("bad-answer", True)


async def test_one_that_says_nothing_is_given_up(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "ANSWER_S", 0.05)

    async def serve(stream: Stream) -> None:
        await stream.read()

    assert "has not answered in" in str(await asking(short_tmp, serve))


async def test_one_that_breaks_off_is_asked_again_for_a_while(short_tmp: Path) -> None:
    times: list[Stream] = []

    async def serve(stream: Stream) -> None:
        times.append(stream)
        if len(times) < 3:
            await stream.abort(300)
        await stream.readline()
        stream.write(b'{"ok":true}\n')
        await stream.read()

    assert await asking(short_tmp / "a", serve, 20.0) is None
    assert len(times) == 3
    times.clear()
    error = await asking(short_tmp / "b", serve, 0.0)
    assert error is not None
    assert (error.code, "code 300" in str(error)) == ("away", True)


async def test_without_a_visor_there_is_no_way(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.visor.kit.kept.PATIENCE_S", 0.01)
    visor = KeptVisor(lambda: App.connect(str(short_tmp / "none"), patience_s=0.0))
    with pytest.raises(NoWay, match="the visor is away"):
        await Caller(visor, 47).open("aa", ASKED, patience_s=0.0)
