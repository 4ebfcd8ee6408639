"""One real daemon among many simulated hosts, each over a real socket; each tells something each second.

`n` is their number; the daemon dials half of them, and half dial it. Commands are asked on its door, one at
a time, while somebody follows the events of all hosts.
"""

from __future__ import annotations

import itertools
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from bench.apps.programs import Programs
from bench.cluster.crowd import Plan
from bench.cluster.home import BenchHome, found, vouched
from bench.cluster.part import Size
from bench.machine import cpu_seconds, memory
from bench.maths import median, percentile
from bench.mesh.faults.program import Program, Trouble, until
from bench.ports import free_port
from bench.results import OURS, Sample
from signal_bus.identity import Identity, draw

LIMIT_S: Final = 120.0
SETTLE_S: Final = 5.0
PAUSE_S: Final = 0.01  # between two commands
CARDS_S: Final = 12.0  # that a crowd of a thousand takes to say them, and a bit
_PING: Final = ("ping", "web")


class Scene:
    """The daemon, its crowd, and what is measured of both."""

    def __init__(self, folder: Path, programs: Programs, guests: int) -> None:
        self.guests = guests
        self._folder = folder
        self._programs = programs
        self.home = BenchHome(folder / "h", "watch")
        self.seeds = [draw() for _ in range(guests)]
        self.labels = [f"g{number:05}" for number in range(guests)]
        self._listens = [f"tcp://127.0.0.1:{port}" for port in _ports(guests // 2)]
        ways = itertools.zip_longest(self.seeds, self.labels, self._listens)
        known = [(Identity(seed), label, (way,) if way else ()) for seed, label, way in ways]
        self.cluster, self._records = found([self.home], known)
        self._endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.pid = 0

    def start(self) -> float:
        """Start the daemon; seconds until it answers. Raises `Trouble`."""
        began = time.monotonic()
        web = {"command": ["sleep", "100000"], "autostart": True}
        where = {"listen": [self._endpoint], "label": "watch"}
        self.home.start({"apps": {"web": web}, "cluster": where})
        self.pid = self.home.pid
        took = time.monotonic() - began
        until(lambda: self.home.told("la")[0]["state"] == "running")
        return took

    def come(self) -> Program:
        """All guests connect. Raises `Trouble`."""
        plan = Plan(
            endpoint=self._endpoint,
            daemon=self.home.identity.public_key,
            curve=self.home.identity.curve().public,
            cluster=self.cluster.public_key,
            members=[one.record for one in self._records],
            seeds=self.seeds,
            labels=self.labels,
            listens=self._listens,
        )
        path = self._folder / "plan"
        path.write_bytes(msgspec.msgpack.encode(plan))
        crowd = self._programs.module("crowd", "bench.cluster.crowd", str(path))
        until(lambda: self.up() == self.guests, LIMIT_S)
        return crowd

    def up(self) -> int:
        """How many others are seen up."""
        return sum(row["state"] == "up" for row in self.home.told("hosts")) - 1

    def cpu_percent(self, seconds: float) -> float:
        """Of one processor, of the daemon."""
        before = cpu_seconds([self.pid])
        time.sleep(seconds)
        return 100 * (cpu_seconds([self.pid]) - before) / seconds

    def rss_mib(self) -> float:
        """Of the daemon."""
        return memory([self.pid]).rss

    def times_ms(self, tries: int, *commands: Sequence[str]) -> list[list[float]]:
        """How long each took, in turns."""
        taken: list[list[float]] = [[] for _ in commands]
        for _ in range(tries):
            for argv, times in zip(commands, taken, strict=True):
                times.append(self.time_ms(argv))
                time.sleep(PAUSE_S)
        return taken

    def time_ms(self, argv: Sequence[str]) -> float:
        """How long one command took."""
        began = time.perf_counter()
        self.home.told(*argv)
        return 1000 * (time.perf_counter() - began)


def _ports(count: int) -> list[int]:
    """So many that are free, each another."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


@contextmanager
def scene(guests: int) -> Iterator[Scene]:
    """All of it, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bk") as folder, Programs(Path(folder)) as programs:
        made = Scene(Path(folder), programs, guests)
        try:
            yield made
        finally:
            made.home.kill()


def thousand(size: Size) -> Iterator[Sample]:
    """What so many hosts cost, and what commands take among them."""
    with scene(size.guests) as here:
        for name, value in _figures(here, size):
            yield Sample(name, size.guests, OURS, value)


def _figures(here: Scene, size: Size) -> Iterator[tuple[str, float]]:
    yield "guests_start_s", here.start()
    (alone,) = here.times_ms(size.tries, _PING)
    rss = here.rss_mib()
    crowd = here.come()
    time.sleep(SETTLE_S)
    yield "guests_rss_mib", here.rss_mib()
    yield "guests_kib_a_host", (here.rss_mib() - rss) * 1024 / here.guests
    yield "guests_cpu_percent", here.cpu_percent(SETTLE_S)
    (among,) = here.times_ms(size.tries, _PING)
    yield "guests_ping_ratio", median(among) / median(alone)
    with following(here.home) as rows:
        yield from _commands(here, size)
        yield "guests_follow_cpu_percent", here.cpu_percent(SETTLE_S)
        yield "guests_events_per_s", rows.per_s()
    yield from _join(here, crowd)
    yield from _forget(here, crowd)
    yield from _cards(here, crowd)
    yield from _lose(here, crowd)


def _commands(here: Scene, size: Size) -> Iterator[tuple[str, float]]:
    one = f"g{here.guests // 2:05}"
    commands = {
        "hosts": ("hosts",),
        "ping": _PING,
        "la": ("la",),
        "on": ("on", one, *_PING),
        "far": ("ping", f"{one}/1"),
    }
    for name, taken in zip(commands, here.times_ms(4 * size.tries, *commands.values()), strict=True):
        yield f"guests_{name}_p99_ms", percentile(taken, 99)
    everywhere = ("on", "@all", *_PING)
    (taken,) = here.times_ms(max(3, size.tries // 10), everywhere)
    yield "guests_on_all_ms", median(taken)


def _join(here: Scene, crowd: Program) -> Iterator[tuple[str, float]]:
    """One more is let in by another host, and connects."""
    seed, label = draw(), "newcomer"
    record = vouched(Identity(seed), label, here.cluster).record
    began = time.monotonic()
    crowd.ask("join", seed.hex(), label, record.hex())
    until(lambda: here.up() == here.guests + 1, LIMIT_S)
    yield "guests_join_s", time.monotonic() - began


def _forget(here: Scene, crowd: Program) -> Iterator[tuple[str, float]]:
    """One that had dialled is put out: all that had dialled are cut and come back (decision 0147)."""
    last = Identity(here.seeds[-1])
    record = vouched(last, here.labels[-1], here.cluster, gone=True).record
    before, began, taken = cpu_seconds([here.pid]), time.monotonic(), []
    crowd.ask("tell", record.hex())
    while True:
        taken.append(here.time_ms(_PING))
        rows = here.home.told("hosts")
        linked = sum(row["path"] != "none" for row in rows) - 1
        if linked == here.guests and all(row["public_key"] != last.name for row in rows):
            break
        if time.monotonic() - began > LIMIT_S:
            raise Trouble("the others are not back")
        time.sleep(PAUSE_S)
    yield "guests_forget_s", time.monotonic() - began
    yield "guests_forget_cpu_s", cpu_seconds([here.pid]) - before
    yield "guests_forget_ping_p99_ms", percentile(taken, 99)


def _cards(here: Scene, crowd: Program) -> Iterator[tuple[str, float]]:
    """Every host says that its address is another, a hundred hosts a second."""
    percent = here.cpu_percent(SETTLE_S)
    before, began = cpu_seconds([here.pid]), time.monotonic()
    crowd.ask("cards", 7)
    taken = []
    while (spent := time.monotonic() - began) < CARDS_S * here.guests / 1000 + 1:
        taken.append(here.time_ms(_PING))
        time.sleep(PAUSE_S)
    yield "guests_cards_cpu_s", cpu_seconds([here.pid]) - before - percent / 100 * spent
    yield "guests_cards_ping_p99_ms", percentile(taken, 99)
    if sum(row["addresses"] == ["tcp://127.0.0.1:7"] for row in here.home.told("hosts")) < here.guests:
        raise Trouble("not all new addresses are known")


def _lose(here: Scene, crowd: Program) -> Iterator[tuple[str, float]]:
    """All are gone at once."""
    crowd.end()
    began, taken = time.monotonic(), []
    while any(row["state"] != "down" for row in here.home.told("hosts")[1:]):
        if time.monotonic() - began > LIMIT_S:
            raise Trouble("they are not seen to be down")
        taken.append(here.time_ms(_PING))
        time.sleep(10 * PAUSE_S)
    yield "guests_gone_s", time.monotonic() - began
    yield "guests_gone_ping_p99_ms", percentile(taken, 99)
    yield "guests_gone_on_all_ms", here.time_ms(("on", "@all", *_PING))


class Rows:
    """Counts what a command writes, in a thread of its own."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._count = 0
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def per_s(self) -> float:
        """Rows a second so far."""
        return self._count / (time.monotonic() - self._began)

    def join(self) -> None:
        """Wait for its end, once the door is shut."""
        self._thread.join()

    def _read(self) -> None:
        while data := self._door.recv(1 << 18):
            self._count += data.count(b"app.backoff")


@contextmanager
def following(home: BenchHome) -> Iterator[Rows]:
    """Somebody follows the events of all hosts."""
    request = {"v": 1, "argv": ["events", "-f", "-n", "0", "--host", "@all", "-o", "jsonl"], "mode": "piped"}
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(home.home.verbs_socket)
        door.sendall(json.dumps(request).encode() + b"\n")
        rows = Rows(door)
        try:
            yield rows
        finally:
            door.shutdown(socket.SHUT_RDWR)
            rows.join()
