"""Texts while chats, visors and the messenger are killed at random: none lost, none twice, in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from components.visor.node.around import Around
from components.visor.node.node import Node
from components.visor.node.options import parse
from plugins.skychat.progress import State
from signal_bus.identity import Identity, load_or_create

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        return int(holder.getsockname()[1])


class Part:
    """One program that is started again whenever it was killed."""

    def __init__(self, *argv: str, log: Path) -> None:
        self.argv = argv
        self.log = log
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("VISCRIPT_")}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", *self.argv],
                env={**own, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def again(self) -> None:
        self.kill()
        self.process = self._started()


@dataclass
class Side:
    """One node with its chat."""

    folder: Path
    name: str
    listen: int = field(default_factory=free_port)
    page: int = field(default_factory=free_port)

    @property
    def identity(self) -> Identity:
        return load_or_create(self.folder / f"{self.name}.key")

    @property
    def words(self) -> list[str]:
        """Of its visor."""
        place = f"127.0.0.1:{self.listen}"
        identity = ["--identity", str(self.folder / f"{self.name}.key")]
        return ["--listen", place, "--advertise", place, "--state", str(self.state), *identity, "--alone"]

    @property
    def state(self) -> Path:
        return self.folder / self.name

    @property
    def key(self) -> str:
        return self.identity.public_key.hex()

    @property
    def store(self) -> Path:
        return self.state / "chat" / "chat.db"

    def chat(self) -> Part:
        socket_, state = str(self.state / "app.sock"), str(self.state / "chat")
        words = ("skychat", socket_, "1", "-addr", f"127.0.0.1:{self.page}", "--state", state)
        return Part("plugins.skychat.server", *words, log=self.folder / f"{self.name}.log")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What its store holds; nothing while it cannot be read."""
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()
        return []


async def linked(one: Side, other: Side) -> None:
    """Leave a link between both, which their visors dial whenever they are started."""
    nobody = Around((), {}, ())
    async with (
        Node.running(one.identity, parse(one.words, {}), nobody) as first,
        Node.running(other.identity, parse(other.words, {}), nobody),
    ):
        await first.links.add(other.identity.public_key, f"127.0.0.1:{other.listen}")


class Writer:
    """Writes numbers to the other side by HTTP, each once, whatever becomes of the chat meanwhile."""

    def __init__(self, side: Side, other: Side, count: int) -> None:
        self._side, self._other, self._count = side, other, count

    def written(self) -> int:
        """How many the chat has on its disk."""
        rows = self._side.rows("SELECT count(*) FROM message WHERE mine=1")
        return int(str(rows[0][0])) if rows else 0

    async def run(self) -> None:
        while (at := self.written()) < self._count:
            with suppress(aiohttp.ClientError, OSError, TimeoutError, IndexError):
                await self._write(at)
            await asyncio.sleep(0.05)

    async def _write(self, at: int) -> None:
        token = (self._side.state / "chat" / "curl").read_text().split('"')[1].partition(": ")[2]
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{self._side.page}",
            headers={"Authorization": token},
            timeout=aiohttp.ClientTimeout(total=600, sock_read=10),
        ) as session:
            for number in range(at, self._count):
                body = {"recipient": self._other.key, "message": str(number)}
                async with session.post("/message", json=body) as answer:
                    if answer.status != 200:
                        return


@asynccontextmanager
async def running(folder: Path, one: Side, other: Side) -> AsyncIterator[list[Part]]:
    """Messenger, visors and chats, in that order."""
    address = f"127.0.0.1:{free_port()}"
    office = Part(
        "components.messenger", "--listen", address, "--state", str(folder / "m"), log=folder / "m.log"
    )
    parts = [office]
    try:
        key = office.line().split()[1]
        for side in (one, other):
            words = (*side.words, "--messenger", f"{key}@{address}")
            parts.append(Part("components.visor", *words, log=folder / f"{side.name}-visor.log"))
        parts += [side.chat() for side in (one, other)]
        yield parts
    finally:
        for part in parts:
            with suppress(ProcessLookupError):
                part.process.send_signal(signal.SIGCONT)
            part.kill()


def came(side: Side) -> list[int]:
    """What was shown there, in order."""
    return [int(str(text)) for (text,) in side.rows("SELECT text FROM message WHERE mine=0 ORDER BY turn")]


def arrived(side: Side, count: int) -> bool:
    """Whether the sender knows of all that they arrived."""
    rows = side.rows(f"SELECT count(*) FROM copy WHERE state>={State.DELIVERED}")
    return bool(rows) and rows[0][0] == count


async def until(probe: object, deadline: float) -> None:
    while not probe() and time.monotonic() < deadline:  # type: ignore[operator]
        await asyncio.sleep(0.1)


async def trial(folder: Path, count: int, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    one, other = (Side(folder, name) for name in ("a", "b"))
    await linked(one, other)
    async with running(folder, one, other) as parts, asyncio.TaskGroup() as group:
        for writer in (Writer(one, other, count), Writer(other, one, count // 4)):
            group.create_task(writer.run())
        office, *_, here, there = parts
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.3, 1.5))  # the moment of the kill is what is tried
            for part in chance.choice([[office], [here], [there], [parts[1]], [parts[2]], parts]):
                part.again()
        deadline = time.monotonic() + 120 + count / 20
        await until(lambda: len(came(other)) >= count and len(came(one)) >= count // 4, deadline)
        assert came(other) == list(range(count))
        assert came(one) == list(range(count // 4))
        await until(lambda: arrived(one, count) and arrived(other, count // 4), deadline)
        assert arrived(one, count)
        assert arrived(other, count // 4)


@pytest.mark.timeout(300)
async def test_none_is_lost_or_doubled_whoever_is_killed(short_tmp: Path) -> None:
    await trial(short_tmp, count=400, kills=6, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_ten_thousand_survive_a_hundred_kills(short_tmp: Path) -> None:
    await trial(short_tmp, count=10_000, kills=100, seed=2)
