"""What users meet: a network that was away, a stop while it starts, first dials, many who write to one."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import quantiles

import pytest

from components.visor.app import App, Listener, Stream
from tests.support.mesh_hosts import Visor, World, eventually, mesh_hosts, until

DIALS = 200
LETTERS = 10
LAST_STEP = 5


@pytest.fixture
async def world(short_tmp: Path) -> AsyncIterator[World]:
    async with mesh_hosts(short_tmp) as made:
        yield made


async def echoed(near: Stream, far: Stream, text: bytes) -> None:
    near.write(text)
    assert await far.readexactly(len(text)) == text


async def row_of_three(world: World) -> list[Visor]:
    ann, ben, dan = nodes = await world.visors("ann", "ben", "dan")
    await world.link(ann, ben)
    await world.link(ben, dan)
    await world.path(ann, ben, dan)
    return nodes


async def away(world: World, seconds: float) -> float:
    """A stream's bytes wait while the cable is cut for so long; how long after its mending they came."""
    ann, ben, dan = await row_of_three(world)
    clock = asyncio.get_running_loop().time
    async with (
        ann.app() as near,
        dan.app() as far,
        far.listen(7) as incoming,
        await near.dial(dan.key, 7) as stream,
        await incoming.accept() as taken,
    ):
        await echoed(stream, taken, b"before")
        world.cable(ann, ben).cut()
        stream.write(b"meanwhile")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await taken.readexactly(len(b"meanwhile"))
        world.cable(ann, ben).mend()
        mended = clock()
        async with asyncio.timeout(60):
            assert await taken.readexactly(len(b"meanwhile")) == b"meanwhile"
            back = clock() - mended
            await echoed(taken, stream, b"after")
    print(f"network away for {seconds:g} s: data {back:.2f} s after it came back")
    return back


async def test_a_stream_goes_on_when_the_network_comes_back(world: World) -> None:
    assert await away(world, 1.5) < 5


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", [20, 30, 60, 75])
async def test_a_stream_goes_on_after_a_long_absence(world: World, seconds: int) -> None:
    assert await away(world, seconds) < 5


async def test_a_stop_while_it_starts_leaves_nothing_and_the_next_start_is_whole(world: World) -> None:
    (ann,) = await world.visors("ann")
    for step in range(LAST_STEP + 1):
        ann.signal(signal.SIGTERM)
        assert await ann.ended() in (0, -signal.SIGTERM), ann.log.read_text()
        assert not (ann.home / "app.sock").exists()
        ann.begin()
        await until(_so_far(ann, step), "a bit of a start")
    ann.signal(signal.SIGTERM)
    assert await ann.ended() in (0, -signal.SIGTERM)
    ann.begin()
    await ann.ready()
    assert "Traceback" not in ann.log.read_text()


def _so_far(visor: Visor, step: int) -> Callable[[], bool]:
    """Stops come at ever later moments of the start, told by its open files and what it wrote."""
    before = visor.log.stat().st_size

    def reached() -> bool:
        if step == LAST_STEP:
            return visor.log.stat().st_size > before
        if step == LAST_STEP - 1:
            return (visor.home / "app.sock").exists()
        return len(list(Path(f"/proc/{visor.pid}/fd").iterdir())) > (0, 4, 6, 8)[step]

    return reached


async def test_200_first_dials_over_two_hops_never_fail(world: World) -> None:
    ann, _, dan = await row_of_three(world)
    clock = asyncio.get_running_loop().time
    taken: list[float] = []
    async with asyncio.timeout(100), ann.app() as near, dan.app() as far, far.listen(7) as incoming:
        for number in range(DIALS):
            begun = clock()
            await first_byte(near, incoming, dan, group=str(number))
            taken.append(clock() - begun)
    cuts = [cut * 1000 for cut in quantiles(taken, n=20)]
    print(f"{DIALS} cold dials over 2 hops, to the first byte: p50 {cuts[9]:.1f} ms, p95 {cuts[18]:.1f} ms")
    assert (await dan.call("health"))["counts"]["offered"] == DIALS


async def first_byte(near: App, incoming: Listener, dan: Visor, *, group: str) -> None:
    """One dial in a group of its own: a route is set up for it."""
    async with await near.dial(dan.key, 7, group=group) as stream, await incoming.accept() as taken:
        taken.write(b"!")
        assert await stream.readexactly(1) == b"!"


async def test_three_visors_write_to_a_fourth_and_all_of_it_comes(world: World) -> None:
    *senders, dan = await world.visors("ann", "ben", "cat", "dan")
    for sender in senders:
        await world.link(sender, dan)

    async def write(sender: Visor) -> None:
        for number in range(LETTERS):
            await sender.call("send_message", peer=dan.pk, text=f"{sender.name} {number}")

    async def streamed(sender: Visor, far: App) -> None:
        async with sender.app() as near, await near.dial(far.key, 7) as stream:
            stream.write(f"{sender.name}\n".encode())
            assert await stream.readline() == f"{sender.name}, heard\n".encode()

    async def came() -> bool:
        return len(await dan.call("messages")) >= LETTERS * len(senders)

    async def signed_for() -> bool:
        rows = [row for sender in senders for row in await sender.call("messages")]
        return all(row["state"] in ("delivered", "read") for row in rows)

    async with asyncio.timeout(100), dan.app() as far, far.listen(7) as incoming:
        async with asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(write(sender))
                tasks.create_task(streamed(sender, far))
            for _ in senders:
                async with await incoming.accept() as stream:
                    stream.write((await stream.readline()).strip() + b", heard\n")
        await eventually(came, "all letters")
        await eventually(signed_for, "all signatures")
    texts = [row["text"] for row in await dan.call("messages")]
    assert sorted(texts) == sorted(f"{sender.name} {n}" for sender in senders for n in range(LETTERS))
