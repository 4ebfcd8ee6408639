"""Homes with real daemons that are hosts of one cluster: vouched for before they start, without pairing."""

import asyncio
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from signal_bus.identity import Identity, load_or_create
from tests.support.groups import remove_groups
from tests.support.home import ScratchHome
from tests.support.processes import end, processes_of
from tests.support.programs import free_port
from tests.support.rosters import host, vouched
from tests.support.terminal import Terminal
from tests.support.wait import eventually
from viscript.cluster.book import Book
from viscript.cluster.model import SignedMember
from viscript.home import find_home
from viscript.store.memory import Memory
from viscript.verbs.table import Role

CLUSTER = host(200)


class LinkedHome(ScratchHome):
    """A home that is a host of the cluster."""

    label = ""

    def told(self, *argv: str) -> Any:  # Any: the shape differs by verb
        """What a command says as data, whatever its code."""
        return self.viscript(*argv, "-o", "json").json()

    def terminal(self, *argv: str) -> Terminal:
        """`viscript ARGV` on a terminal of its own."""
        return Terminal(self.command(*argv), {**self.environ, "LANG": "C.UTF-8"}, columns=140, rows=40)

    def freeze(self) -> None:
        """Stop the daemon as a debugger would: its sockets stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes():
            process.send_signal(number)

    def sees(self) -> dict[str, str]:
        """Each host, and how it is seen from here."""
        return {row["label"]: row["state"] for row in self.told("hosts")}


@contextmanager
def linked(
    folder: Path, config: dict[str, Any], *labels: str, role: Role = Role.ADMIN
) -> Iterator[list[LinkedHome]]:
    """A running home for each label, all up for one another; `role` is what each may do on the others."""
    homes = [LinkedHome(folder / label) for label in labels]
    identities, ports = [], []
    for home, label in zip(homes, labels, strict=True):
        home.root.mkdir(mode=0o700)
        (home.root / "keys").mkdir(mode=0o700)
        home.label = label
        identities.append(load_or_create(home.root / "keys" / "identity"))
        ports.append(free_port())
    records = [
        vouched(one, CLUSTER, label=label, role=role, addresses=(f"tcp://127.0.0.1:{port}",))
        for one, label, port in zip(identities, labels, ports, strict=True)
    ]
    with ExitStack() as stack:
        stack.callback(_end_all, folder, homes)
        files = []
        for home, one, port in zip(homes, identities, ports, strict=True):
            asyncio.run(_pin(home, one, records))
            cluster = {"listen": [f"tcp://127.0.0.1:{port}"], "label": home.label}
            files.append(json.dumps({**config, "cluster": cluster}))
        with ThreadPoolExecutor() as pool:
            list(pool.map(LinkedHome.start_daemon, homes, files))
        for home in homes:
            eventually(lambda home=home: home.sees() == dict.fromkeys(labels, "up"))  # type: ignore[misc]  # bound now
        yield homes


def _end_all(folder: Path, homes: list[LinkedHome]) -> None:
    """Kill all that runs in any home; a keeper that was quicker has started a daemon anew."""
    while left := processes_of(folder):
        end(left)
    for home in homes:
        remove_groups(home.root)


async def _pin(home: LinkedHome, identity: Identity, records: list[SignedMember]) -> None:
    """Let the home be in the cluster, as pairing leaves it."""
    paths = find_home(home.environ)
    memory = Memory(Path(paths.database))
    memory.open()
    book = Book(memory, identity, Path(paths.cluster_key))
    await book.open()
    await book.pin(CLUSTER.public_key, records)
    memory.close()
