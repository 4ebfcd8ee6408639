"""Chat: texts that go from one chat to another, each noted by its sender as delivered, on disk at both ends.

`n` is the number of nodes between. The peer is HTTP alone: the same requests, answered by a server that
does nothing.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp

from bench.apps.part import FULL, Part, Size
from bench.apps.programs import Programs, cpu_s, owned
from bench.apps.town import ROW, Town
from bench.maths import percentile
from bench.mesh.faults.program import Trouble
from bench.metrics import Metric
from bench.ports import free_port
from bench.results import OURS, Sample

HTTP: Final = "http alone"
TEXTS: Final = (5000, 1000)  # of a full run, of a quick one
WRITERS: Final = 8
LIMIT_S: Final = 120.0
HERE: Final = 4  # the state of a copy that is delivered

METRICS: Final = (
    Metric("chat_texts_per_s", "chat texts, written to delivered", "/s", "more"),
    Metric("chat_cpu_ms_per_text", "its CPU, of both chats and all nodes", "ms"),
    Metric("chat_text_p50_ms", "one text at a time, to delivered, p50", "ms"),
)


class Pair(NamedTuple):
    """Two chats, and what carries their texts."""

    between: int
    page: str
    token: str
    store: Path
    peer: str
    pids: tuple[int, ...]


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """A chat on the first node, and on those behind it one after the other. Raises `Trouble`."""
    with tempfile.TemporaryDirectory(prefix="bc") as folder, Programs(Path(folder)) as programs:
        town = Town(programs)
        made = [_chat(programs, town, name) for name in ROW[:3]]
        yield [
            Pair(
                place,
                *made[0][:3],
                town.keys[name],
                (made[0][3], made[place + 1][3], *town.pids(*ROW[: place + 2])),
            )
            for place, name in enumerate(ROW[1:3])
        ]


def _chat(programs: Programs, town: Town, name: str) -> tuple[str, str, Path, int]:
    state, port = owned(programs.folder / f"chat-{name}"), free_port()
    words = ("skychat", town.socket(name), "1", "-addr", f"127.0.0.1:{port}", "--state", str(state))
    process = programs.module(f"chat-{name}", "plugins.skychat.server", *words).process
    token = (state / "curl").read_text().split('"')[1].partition(": ")[2]
    return f"http://127.0.0.1:{port}", token, state / "chat.db", process.pid


def bulk(size: Size) -> Iterator[Sample]:
    """Many texts at once, by each way in turn, and by HTTP alone."""
    count = TEXTS[0] if size == FULL else TEXTS[1]
    with pairs() as made:
        for _ in range(size.tries):
            for pair in made:
                before, began = cpu_s(*pair.pids), time.monotonic()
                asyncio.run(_write(pair, count))
                _wait(pair)
                took = time.monotonic() - began
                yield Sample("chat_texts_per_s", pair.between, OURS, count / took)
                yield Sample(
                    "chat_cpu_ms_per_text", pair.between, OURS, 1000 * (cpu_s(*pair.pids) - before) / count
                )
            yield Sample("chat_texts_per_s", 0, HTTP, asyncio.run(_alone(made[0], count)))


def single(size: Size) -> Iterator[Sample]:
    """One text, until its sender knows that it arrived; then the next."""
    with pairs() as made:
        for pair in made:
            taken = [1000 * asyncio.run(_one(pair)) for _ in range(size.gets)]
            yield Sample("chat_text_p50_ms", pair.between, OURS, percentile(taken, 50))


def _session(pair: Pair) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(pair.page, headers={"Authorization": pair.token})


async def _write(pair: Pair, count: int) -> None:
    async with _session(pair) as session, asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(_post(session, "/message", pair.peer, count // WRITERS))


async def _post(session: aiohttp.ClientSession, path: str, peer: str, count: int) -> None:
    for number in range(count):
        body = {"recipient": peer, "message": f"text number {number}, as long as a short text is"}
        async with session.post(path, json=body) as answer:
            if answer.status != 200:
                raise Trouble(f"the chat says {answer.status}: {await answer.text()}")


async def _one(pair: Pair) -> float:
    async with _session(pair) as session, session.get("/sse") as events:
        await events.content.readline()
        began = time.monotonic()
        await _post(session, "/message", pair.peer, 1)
        async with asyncio.timeout(LIMIT_S):
            while b'"delivered"' not in await events.content.readline():
                pass
        return time.monotonic() - began


def _wait(pair: Pair) -> None:
    """Until all that was written is delivered. Raises `Trouble`."""
    end = time.monotonic() + LIMIT_S
    with closing(sqlite3.connect(f"file:{pair.store}?mode=ro", uri=True)) as db:
        while db.execute("SELECT count(*) FROM copy WHERE state<?", (HERE,)).fetchone()[0]:
            if time.monotonic() > end:
                raise Trouble("texts did not arrive")
            time.sleep(0.01)


async def _alone(pair: Pair, count: int) -> float:
    """Requests a second at a path that the chat answers without doing anything."""
    body = {"recipient": "", "message": ""}

    async def ask(session: aiohttp.ClientSession) -> None:
        for _ in range(count // WRITERS):
            async with session.post("/nowhere", json=body) as answer:
                await answer.read()

    began = time.monotonic()
    async with _session(pair) as session, asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(ask(session))
    return count / (time.monotonic() - began)


PART: Final = Part({"chat-bulk": bulk, "chat-one": single}, METRICS)
