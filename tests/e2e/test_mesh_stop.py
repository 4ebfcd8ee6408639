"""A visor that is told to stop, and one that is killed and comes again: what apps on both sides see."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.mesh.transport import TransportType, transport_id
from components.visor.app import App, AppError, Stream
from components.visor.links.store import Kept, Store
from signal_bus.identity import load_or_create
from signal_bus.ids import PublicKey

PORT = 7
STOPPED_S = 5.0
PROMPT_S = 2.0
BLOCK = bytes(1 << 16)


class Visor:
    """One visor, in a process of its own each time it is begun."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key: PublicKey = load_or_create(_made(folder) / "identity").public_key
        self.listen = "127.0.0.1:0"
        self.process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        words = ["--listen", self.listen, "--state", str(self.folder), "--alone"]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "components.visor", *words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.listen = self.process.stdout.readline().split()[-1]  # the same the next time

    def app(self) -> App:
        return App.connect(str(self.folder / "app.sock"))

    def end(self, how: signal.Signals) -> int:
        """Its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        with self.process:
            return self.process.wait(20)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture
async def pair(short_tmp: Path) -> AsyncIterator[tuple[Visor, Visor]]:
    """Two neighbours; the first keeps a persistent link to the second."""
    one, other = Visor(short_tmp / "a"), Visor(short_tmp / "b")
    other.begin()
    kind = TransportType.STCPR
    async with Store(one.folder) as store:
        id = transport_id(one.key, other.key, kind)
        await store.keep(Kept(id, other.key, kind, other.listen))
    one.begin()
    yield one, other
    for visor in (one, other):
        if visor.process is not None and visor.process.poll() is None:
            visor.end(signal.SIGKILL)


async def dialled(app: App, key: PublicKey, within_s: float = 10.0) -> Stream:
    """A stream, as soon as there is a way."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await app.dial(key.hex(), PORT)
            except AppError:
                await asyncio.sleep(0.02)


async def ended(stream: Stream) -> float:
    """How long it takes until a reader is told."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        try:
            while await stream.read(1 << 16):
                pass
        except AppError:
            pass
    return time.monotonic() - began


async def pour(stream: Stream) -> None:
    """Without an end; it is told of the break."""
    try:
        while True:
            stream.write(BLOCK)
            await stream.drain()
    except AppError:
        return


async def test_a_visor_with_live_streams_stops_when_told_and_everybody_is_told(
    pair: tuple[Visor, Visor],
) -> None:
    one, other = pair
    async with other.app() as far, far.listen(PORT) as incoming, one.app() as near:
        stream = await dialled(near, other.key)
        accepted = await incoming.accept()
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(pour(stream))
            reader = tasks.create_task(ended(accepted))
            teller = tasks.create_task(ended(stream))
            began = time.monotonic()
            code = await asyncio.to_thread(one.end, signal.SIGTERM)
            took = time.monotonic() - began
        assert code == 0
        assert took < STOPPED_S
        assert reader.result() < STOPPED_S
        assert teller.result() < STOPPED_S


async def test_what_an_app_wrote_before_its_visor_was_told_to_stop_arrives(
    pair: tuple[Visor, Visor],
) -> None:
    one, other = pair
    async with other.app() as far, far.listen(PORT) as incoming, one.app() as near:
        stream = await dialled(near, other.key)
        accepted = await incoming.accept()
        words = BLOCK * 64
        stream.write(words)
        stream.write_eof()
        while not await accepted.read(1):
            pass
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            got = tasks.create_task(accepted.readexactly(len(words) - 1))
            await stream.drain()
            code = await asyncio.to_thread(one.end, signal.SIGTERM)
        assert code == 0
        assert len(got.result()) == len(words) - 1


async def test_a_visor_that_was_killed_and_comes_again_is_dialled_within_two_seconds(
    pair: tuple[Visor, Visor],
) -> None:
    one, other = pair
    async with one.app() as near:
        async with other.app() as far:
            listener = await far.listen(PORT)
            stream = await dialled(near, other.key)
            await listener.accept()
            other.end(signal.SIGKILL)
            other.begin()
        async with other.app() as far, far.listen(PORT) as incoming:
            assert await ended(stream) < PROMPT_S
            again = await dialled(near, other.key, PROMPT_S)
            again.write(b"again")
            assert await (await incoming.accept()).readexactly(5) == b"again"


async def test_streams_of_a_visor_that_was_killed_end_when_it_dials_again(
    pair: tuple[Visor, Visor],
) -> None:
    one, other = pair
    async with other.app() as far, far.listen(PORT) as incoming:
        async with one.app() as near:
            await dialled(near, other.key)
            old = await incoming.accept()
            one.end(signal.SIGKILL)
        one.begin()
        async with one.app() as near:
            await dialled(near, other.key, PROMPT_S)
            await incoming.accept()
            assert await ended(old) < PROMPT_S
