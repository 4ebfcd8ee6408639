"""Apps of whole visors: `python -m bench.mesh.guests WORK SOCKET ...`. Each says "ready".

host SOCKET                  echoes at port 1, reads all at port 2
cold SOCKET KEY HOPS COUNT   dials with routes of its own, one after the other: the ms to the first byte
                             of each as JSON, null for one that failed
pour SOCKET KEY STREAMS      writes as fast as all of them take it
churn SOCKET KEY             dials without end, each fourth time with routes of its own; for each line that
                             comes, how many there were and how many did well
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from components.visor.app import App, AppError, Listener, Stream

ECHO: Final = 1
SINK: Final = 2
BLOCK: Final = bytes(64 * 1024)
WORD: Final = b"a word.."
DIAL_S: Final = 5.0
OWN_ROUTES: Final = 4  # one in so many dials of `churn`
_FAULTS: Final = (AppError, asyncio.IncompleteReadError, TimeoutError, OSError)


async def host(app: App) -> None:
    """Serve both ports."""
    async with app.listen(ECHO) as echoes, app.listen(SINK) as sinks, asyncio.TaskGroup() as tasks:
        serving = [
            tasks.create_task(_serve(echoes, _echo, tasks)),
            tasks.create_task(_serve(sinks, _read, tasks)),
        ]
        _say("ready")
        await _line()
        for task in serving:
            task.cancel()


async def _serve(
    listener: Listener, work: Callable[[Stream], Awaitable[None]], tasks: asyncio.TaskGroup
) -> None:
    async for stream in listener:
        tasks.create_task(_guarded(stream, work))


async def _guarded(stream: Stream, work: Callable[[Stream], Awaitable[None]]) -> None:
    with suppress(*_FAULTS):
        async with stream:
            await work(stream)


async def _echo(stream: Stream) -> None:
    while data := await stream.read(len(BLOCK)):
        stream.write(data)
        await stream.drain()


async def _read(stream: Stream) -> None:
    while await stream.read(len(BLOCK)):
        pass


async def cold(app: App, key: str, hops: str, count: str) -> None:
    """Each dial has a group of its own, so that a setup node sets its routes up."""
    _say("ready")
    _say([await first_byte(app, key, hops=int(hops), group=f"cold {number}") for number in range(int(count))])
    await _line()


async def first_byte(app: App, key: str, *, hops: int, group: str = "") -> float | None:
    """Milliseconds from the dial to the first byte of the answer; None when it fails."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(DIAL_S):
            stream = await app.dial(key, ECHO, min_hops=hops, group=group, deadline_s=DIAL_S)
            async with stream:
                stream.write(WORD)
                await stream.readexactly(1)
                taken = time.perf_counter() - began
                await stream.readexactly(len(WORD) - 1)
    except _FAULTS:
        return None
    return 1000 * taken


async def pour(app: App, key: str, streams: str) -> None:
    """Until a line comes."""
    async with asyncio.TaskGroup() as tasks:
        opened = [await app.dial(key, SINK) for _ in range(int(streams))]
        writing = [tasks.create_task(_write(stream)) for stream in opened]
        _say("ready")
        await _line()
        for task in writing:
            task.cancel()


async def _write(stream: Stream) -> None:
    with suppress(*_FAULTS):
        while True:
            stream.write(BLOCK)
            await stream.drain()


async def churn(app: App, key: str) -> None:
    """Until the end of the input."""
    number = well = 0
    _say("ready")
    line = _line()
    while True:
        group = f"churn {number}" if number % OWN_ROUTES == 0 else ""
        well += await first_byte(app, key, hops=1, group=group) is not None
        number += 1
        if line.done():
            if not line.result():
                return
            _say({"dials": number, "well": well})
            line = _line()


def _line() -> asyncio.Future[str]:
    """The next line of the input; empty at its end."""
    return asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def _say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


async def main(work: str, address: str, *words: str) -> None:
    """Do one work as an app of that visor."""
    async with App.connect(address) as app:
        await WORKS[work](app, *words)


WORKS: Final[dict[str, Callable[..., Awaitable[None]]]] = {
    "host": host,
    "cold": cold,
    "pour": pour,
    "churn": churn,
}

if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
