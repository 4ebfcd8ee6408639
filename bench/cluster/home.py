"""A home with a real daemon that is a host of the bench's cluster, vouched for without pairing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.drivers.viscript import ask
from bench.mesh.faults.program import Trouble
from signal_bus.identity import Identity, load_or_create
from viscript.cluster.book import Book
from viscript.cluster.model import Member, SignedMember, sign_member
from viscript.home import find_home, make_home
from viscript.store.memory import Memory
from viscript.verbs.table import Role

UP_S: Final = 60.0


class BenchHome:
    """One folder, one daemon, one keeper."""

    def __init__(self, root: Path, label: str, *, ground: str = "") -> None:
        """`ground` names a network namespace that its daemon runs in."""
        self.root = root
        self.pid = 0  # of the daemon that was started
        self.label = label
        self._inside = ("ip", "netns", "exec", ground) if ground else ()
        self.addresses: tuple[str, ...] = ()  # where the others reach it
        root.mkdir(mode=0o700)
        self.environ = {**_clean(os.environ), "VISCRIPT_HOME": str(root)}
        self.home = find_home(self.environ)
        make_home(self.home)
        self.identity = load_or_create(Path(self.home.identity))

    def start(self, config: Mapping[str, Any]) -> None:  # Any: a configuration
        """Start the daemon; it answers when this returns. Raises `Trouble`."""
        path = self.root / "config.yaml"
        path.write_text(json.dumps(config))
        done = self.run("daemon", "--config", str(path), "--detach", inside=self._inside)
        if done.returncode:
            raise Trouble(f"{self.label}: {done.stderr.strip()[-300:]}")
        self.pid = self.told("daemon", "status")["pid"]

    def run(self, *argv: str, inside: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """`viscript ARGV`, as somebody types it."""
        command = Path(sys.executable).with_name("viscript")
        ours = [str(command)] if command.exists() else [sys.executable, "-P", "-m", "viscript"]
        return subprocess.run(
            [*inside, *ours, *argv], env=self.environ, cwd=self.root, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=UP_S,
        )  # fmt: skip

    def told(self, *argv: str) -> Any:  # Any: JSON of a verb
        """What a verb says as data."""
        return msgspec.json.decode(ask(self.home, *argv))

    def kill(self) -> None:
        """SIGKILL for all that runs here, until nothing is left."""
        while left := self.processes():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def processes(self) -> list[int]:
        """All that runs in this home: daemon, keeper, apps and who watches over them."""
        wanted = f"{self.root}/".encode()
        return [
            int(name) for name in os.listdir("/proc") if name.isdigit() and wanted in _words(int(name)) + b"/"
        ]


def found(
    homes: Sequence[BenchHome], guests: Iterable[tuple[Identity, str, tuple[str, ...]]] = ()
) -> tuple[Identity, list[SignedMember]]:
    """Have all homes be admins of a new cluster, and these guests too; its key and the records."""
    cluster = load_or_create(homes[0].root / "bench-cluster.key")
    records = [vouched(home.identity, home.label, cluster, home.addresses) for home in homes]
    records += [vouched(identity, label, cluster, ways) for identity, label, ways in guests]
    for home in homes:
        asyncio.run(pin(home, cluster, records))
    return cluster, records


def vouched(
    identity: Identity, label: str, cluster: Identity, addresses: tuple[str, ...] = (), *, gone: bool = False
) -> SignedMember:
    """The record of an admin; `gone`: of one that is put out."""
    member = Member(
        cluster=cluster.public_key,
        key=identity.public_key,
        curve=identity.curve().public,
        label=label,
        role=Role.ADMIN,
        addresses=addresses,
        version=2 if gone else 1,
        gone=gone,
        by=cluster.public_key,
    )
    return sign_member(member, cluster)


async def pin(home: BenchHome, cluster: Identity, records: Iterable[SignedMember]) -> None:
    """Let the home be in the cluster, as pairing leaves it."""
    memory = Memory(Path(home.home.database))
    memory.open()
    try:
        book = Book(memory, home.identity, Path(home.home.cluster_key))
        await book.pin(cluster.public_key, records)
    finally:
        memory.close()


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environ.items() if not key.startswith(("VISCRIPT_", "SIGNAL_"))}


def _words(pid: int) -> bytes:
    """Command line and environment of a process that lives."""
    here = Path(f"/proc/{pid}")
    try:
        state = (here / "stat").read_bytes().rpartition(b")")[2].split()[0]
        words = (here / "cmdline").read_bytes() + b"\0" + (here / "environ").read_bytes()
    except OSError:
        return b""
    return b"" if state == b"Z" else words.replace(b"\0", b"/\0")
