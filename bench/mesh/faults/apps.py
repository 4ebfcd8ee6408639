"""The apps beside which faults are done: `python -m bench.mesh.faults.apps WORK SOCKET [KEY]`.

sink SOCKET          takes numbered blocks at port 1 and echoes at port 2; a line of JSON after the last block
source SOCKET KEY    sends numbered blocks until a line comes on standard input
dialler SOCKET KEY   short dials each 100 ms until a line comes, now and then with routes of their own
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from components.visor.app import App, AppError, Stream

BULK: Final = 1
ECHO: Final = 2
WORDS: Final = 8192
BLOCK: Final = 8 * WORDS
PACE_S: Final = 0.004  # 16 MB/s: what is measured is the fault, not the machine
GAP_S: Final = 0.05
DIAL_EVERY_S: Final = 0.1
COLD_EVERY: Final = 5  # one in so many dials has routes of its own, which a setup node sets up
DIAL_S: Final = 5.0
HOPS: Final = 2
_FAULTS: Final = (AppError, asyncio.IncompleteReadError, TimeoutError, OSError)


class Tally:
    """Numbered blocks as they come. Pure."""

    def __init__(self) -> None:
        self.next = self.lost = self.doubled = self.torn = 0

    def take(self, block: bytes) -> None:
        """One more block."""
        number = int.from_bytes(block[:8], "big")
        if block != numbered(number):
            self.torn += 1
        elif number < self.next:
            self.doubled += 1
        else:
            self.lost += number - self.next
            self.next = number + 1


def numbered(number: int) -> bytes:
    """The block of that number: a piece of any other in it is seen."""
    return number.to_bytes(8, "big") * WORDS


async def sink(app: App, _: str) -> None:
    """Take one transfer; echo meanwhile."""
    async with app.listen(BULK) as bulk, app.listen(ECHO) as echoes, asyncio.TaskGroup() as tasks:
        echo = tasks.create_task(_echo_forever(echoes, tasks))
        _say("ready")
        async for stream in bulk:
            _say(await _taken(stream))
            break
        echo.cancel()


async def _taken(stream: Stream) -> dict[str, Any]:  # Any: JSON
    tally, gaps, last, fault = Tally(), [], time.monotonic(), ""
    try:
        while True:
            tally.take(await stream.readexactly(BLOCK))
            now = time.monotonic()
            if now - last > GAP_S:
                gaps.append((last, now))
            last = now
    except asyncio.IncompleteReadError as exc:
        tally.torn += bool(exc.partial)
    except AppError as exc:
        fault = str(exc)
    stream.close()
    return {**vars(tally), "gaps": gaps, "last": last, "fault": fault}


async def _echo_forever(echoes: Any, tasks: asyncio.TaskGroup) -> None:  # Any: a listener
    async for stream in echoes:
        tasks.create_task(_echo(stream))


async def _echo(stream: Stream) -> None:
    with suppress(*_FAULTS):
        async with stream, asyncio.timeout(DIAL_S):
            stream.write(await stream.readexactly(8))
            await stream.drain()


async def source(app: App, key: str) -> None:
    """Send blocks at an even pace."""
    stop, count, fault = _told(), 0, ""
    try:
        stream = await app.dial(key, BULK, min_hops=HOPS)
        _say("ready")
        due = time.monotonic()
        while not stop.done():
            stream.write(numbered(count))
            count += 1
            await stream.drain()
            due = max(due + PACE_S, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        stream.write_eof()
        await stream.read()
        stream.close()
    except _FAULTS as exc:
        fault = str(exc)
    _say({"sent": count, "fault": fault})
    await stop


async def dialler(app: App, key: str) -> None:
    """Dial again and again, each in a task of its own."""
    stop, dials, number = _told(), [], 0
    _say("ready")
    async with asyncio.TaskGroup() as tasks:
        while not stop.done():
            group = f"cold {number}" if number % COLD_EVERY == 0 else ""
            dials.append(tasks.create_task(_dial(app, key, group)))
            number += 1
            await asyncio.sleep(DIAL_EVERY_S)
    _say([task.result() for task in dials])


async def _dial(app: App, key: str, group: str) -> dict[str, Any]:  # Any: JSON
    began, fault = time.monotonic(), ""
    try:
        async with asyncio.timeout(DIAL_S):
            stream = await app.dial(key, ECHO, min_hops=HOPS, group=group, deadline_s=DIAL_S)
            stream.write(b"a word..")
            await stream.readexactly(8)
            stream.close()
    except _FAULTS as exc:
        fault = str(exc) or type(exc).__name__
    return {"began": began, "ended": time.monotonic(), "cold": bool(group), "fault": fault}


def _told() -> asyncio.Future[str]:
    """Done when a line, or the end, comes on standard input."""
    return asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def _say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


async def main(work: str, address: str, key: str = "") -> None:
    """Do one work as an app of that visor."""
    async with App.connect(address) as app:
        await WORKS[work](app, key)


WORKS: Final[dict[str, Callable[[App, str], Awaitable[None]]]] = {
    "sink": sink,
    "source": source,
    "dialler": dialler,
}

if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
