"""Scratch homes of one cluster with a store between them, as pairing and `store:` would have left them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from signal_bus.identity import Identity, load_or_create
from tests.support.home import ScratchHome
from tests.support.wait import eventually
from viscript.cluster.book import Book
from viscript.cluster.model import Member, SignedMember, sign_member
from viscript.home import find_home, make_home
from viscript.store.memory import Memory
from viscript.verbs.table import Role

# Says twenty times a second which run it is; a file that all hosts append to.
TELLER: Final = """
import os, sys, time
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
name = os.path.relpath(os.environ["VISCRIPT_IDENTITY"], os.path.dirname(sys.argv[1])).split("/")[0]
fence = os.environ.get("VISCRIPT_FENCE", "0")
while True:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    os.write(file, f"{name} {fence} {os.getpid()} {now:.4f}\\n".encode())
    time.sleep(0.05)
"""


class Told(NamedTuple):
    """One line of a teller."""

    host: str
    fence: int
    pid: int
    at: float


class Host(ScratchHome):
    """A home with a label."""

    label = ""
    store = ""

    def kill_all(self) -> None:
        """The host is gone: SIGKILL for all that runs here, at once."""
        while left := self.processes():
            for one in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()

    def freeze(self) -> list[psutil.Process]:
        """SIGSTOP all that runs here, one by one, until nothing new is found."""
        frozen: dict[int, psutil.Process] = {}
        while fresh := [one for one in self.processes() if one.pid not in frozen]:
            for one in fresh:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGSTOP)
                frozen[one.pid] = one
        return list(frozen.values())

    def thaw(self, frozen: Iterable[psutil.Process]) -> None:
        for one in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def joined(folder: Path, count: int, store: str, apps: str = "") -> Iterator[list[Host]]:
    """So many homes whose daemons run; each is an admin."""
    hosts = []
    for number in range(1, count + 1):
        root = folder / f"h{number}"
        root.mkdir()
        host = Host(root)
        host.label = f"h{number}"
        hosts.append(host)
    pair(hosts)
    try:
        for host in hosts:
            host.start_daemon(f"store: {store}\n{apps}")
        yield hosts
    finally:
        for host in hosts:
            host.kill_all()  # daemon and keeper start one another again
            host.close()


def pair(hosts: list[Host], *, visors: bool = False, addresses: Sequence[str] = ()) -> None:
    """Have each home's roster name all of them as admins, vouched for by a key of the first.

    With `visors` it says too that each has a visor, whose key is the home's. `addresses`: of each.
    """
    identities = []
    for host in hosts:
        home = find_home(host.environ)
        make_home(home)
        identities.append(load_or_create(Path(home.identity)))
    cluster = load_or_create(hosts[0].root / "test-cluster.key")
    records = [
        _vouched(one, cluster, host.label, one.public_key if visors else b"", tuple(addresses[at : at + 1]))
        for at, (one, host) in enumerate(zip(identities, hosts, strict=True))
    ]
    for one, host in zip(identities, hosts, strict=True):
        asyncio.run(_pin(host, one, cluster, records))


def _vouched(
    one: Identity, cluster: Identity, label: str, mesh: bytes, addresses: tuple[str, ...]
) -> SignedMember:
    member = Member(
        cluster=cluster.public_key,
        key=one.public_key,
        curve=one.curve().public,
        label=label,
        role=Role.ADMIN,
        mesh=mesh,
        addresses=addresses,
        by=cluster.public_key,
    )
    return sign_member(member, cluster)


async def _pin(host: Host, identity: Identity, cluster: Identity, records: list[SignedMember]) -> None:
    home = find_home(host.environ)
    memory = Memory(Path(home.database))
    memory.open()
    try:
        await Book(memory, identity, Path(home.cluster_key)).pin(cluster.public_key, records)
    finally:
        memory.close()


def teller(shared: Path) -> str:
    """The configuration of an app `teller`, which appends to that file."""
    program = shared.parent / "teller.py"
    program.write_text(TELLER)
    return f"apps:\n  teller:\n    command: [{sys.executable}, -S, {program}, {shared}]\n"


def told(shared: Path) -> list[Told]:
    """All lines that are whole, by time."""
    if not shared.exists():
        return []
    rows = [line.split() for line in shared.read_text().split("\n")[:-1]]
    return sorted((Told(host, int(fence), int(pid), float(at)) for host, fence, pid, at in rows), key=_at)


def _at(one: Told) -> float:
    return one.at


def newest(shared: Path, after: float = 0.0) -> Told:
    """The newest line, once there is one later than that."""

    def found() -> Told | None:
        lines = told(shared)
        return lines[-1] if lines and lines[-1].at > after else None

    line = eventually(found, deadline_s=60)
    assert line is not None
    return line


def running(host: Host, *, than: int = 0) -> dict[str, Any]:  # Any: a row of JSON
    """The one instance, once it is up under a newer fence, as that host sees it."""

    def found() -> dict[str, Any] | None:
        rows = host.viscript("deploy", "ls", "-o", "json").ok().json()
        return next((one for one in rows if one["state"] == "running" and one["fence"] > than), None)

    row = eventually(found, deadline_s=60)
    assert row is not None
    return row
