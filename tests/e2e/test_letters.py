"""Letters while sender, messenger and receiver are killed at random: none lost, none twice, in order."""

import asyncio
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.mesh import ALICE, BOB

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "tests" / "support" / "mail_client.py"


class Part:
    """One program that is started again whenever it was killed."""

    def __init__(self, *argv: str) -> None:
        self.argv = argv
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("VISCRIPT_")}
        return subprocess.Popen(
            [sys.executable, "-P", *self.argv],
            env={**own, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        return int(holder.getsockname()[1])


def arrived(path: Path) -> list[int]:
    """The messages that had their turn, in order."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=10)) as db, suppress(sqlite3.OperationalError):
        rows = db.execute("SELECT message FROM inbox WHERE turn IS NOT NULL ORDER BY turn")
        return [int(row[0]) for row in rows]
    return []


def states(path: Path) -> dict[int, int]:
    with closing(sqlite3.connect(path, timeout=10)) as db:
        return dict(db.execute("SELECT state, count(*) FROM outbox GROUP BY state"))


async def trial(folder: Path, count: int, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    address = f"127.0.0.1:{free_port()}"
    office = Part("-m", "components.messenger", "--listen", address, "--state", str(folder / "m"))
    key = office.line().split()[1]
    ends = [
        Part(
            str(CLIENT),
            role,
            seed_hex.hex(),
            str(folder / role),
            key,
            address,
            other.public_key.hex(),
            str(count),
        )
        for role, seed_hex, other in (("send", b"\x01" * 32, BOB), ("receive", b"\x07" * 32, ALICE))
    ]
    parts = [office, *ends]
    try:
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.2, 1.2))  # the moment of the kill is what is tried
            for part in chance.choice([[office], [ends[0]], [ends[1]], ends, parts]):
                part.again()
        deadline = time.monotonic() + 60 + count / 50
        while len(arrived(folder / "receive")) < count and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        assert arrived(folder / "receive") == list(range(count))
        while states(folder / "send") != {3: count} and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        assert states(folder / "send") == {3: count}
    finally:
        for part in parts:
            with suppress(ProcessLookupError):
                part.process.send_signal(signal.SIGCONT)
            part.kill()


async def test_none_is_lost_or_doubled_whoever_is_killed(tmp_path: Path) -> None:
    await trial(tmp_path, count=400, kills=6, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_ten_thousand_survive_a_hundred_kills(tmp_path: Path) -> None:
    await trial(tmp_path, count=10_000, kills=100, seed=2)
