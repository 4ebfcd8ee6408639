"""Homes with real daemons that are hosts of one cluster, each in a network namespace of its own.

They are vouched for before they start, without pairing. The first is joined to each of the others by a cable.
"""

import asyncio
import json
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from signal_bus.identity import Identity, load_or_create
from tests.support.groups import remove_groups
from tests.support.hosted import HostedHome
from tests.support.network import Cable, Network
from tests.support.processes import end, processes_of
from tests.support.rosters import host, vouched
from tests.support.wait import eventually
from viscript.cluster.book import Book
from viscript.cluster.model import SignedMember
from viscript.home import find_home
from viscript.store.memory import Memory
from viscript.verbs.table import Role

CLUSTER = host(200)
PORT = 7791


@dataclass
class LinkedHome(HostedHome):
    """A home that is a host of the cluster; `cable` leads to the first."""

    label: str = ""
    cable: Cable | None = None

    def told(self, *argv: str) -> Any:  # Any: the shape differs by verb
        """What a command says as data, whatever its code."""
        return self.viscript(*argv, "-o", "json").json()

    def freeze(self) -> None:
        """Stop all of it as a debugger would: its sockets stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def cut(self) -> None:
        """Nothing passes between the first home and this one any more."""
        assert self.cable is not None
        self.cable.cut()

    def mend(self) -> None:
        """It passes again."""
        assert self.cable is not None
        self.cable.mend()

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes():
            process.send_signal(number)

    def sees(self) -> dict[str, str]:
        """Each host, and how it is seen from here."""
        return {row["label"]: row["state"] for row in self.told("hosts")}


@contextmanager
def linked(
    folder: Path,
    config: dict[str, Any],
    *labels: str,
    role: Role = Role.ADMIN,
    roles: Mapping[str, Role] = MappingProxyType({}),
) -> Iterator[list[LinkedHome]]:
    """A running home for each label, all up for the first.

    `role` is what each may do on the others, where `roles` says nothing of it.
    """
    with Network() as network, ExitStack() as stack:
        homes = [LinkedHome(folder / label, host=network.host(label), label=label) for label in labels]
        stack.callback(_end_all, folder, homes)
        for home in homes[1:]:
            assert home.host is not None
            assert homes[0].host is not None
            home.cable = network.cable(homes[0].host, home.host)
        identities = [_identity(home) for home in homes]
        records = [
            vouched(
                one,
                CLUSTER,
                label=home.label,
                role=roles.get(home.label, role),
                addresses=_addresses(home, homes),
            )
            for one, home in zip(identities, homes, strict=True)
        ]
        for home, one in zip(homes, identities, strict=True):
            asyncio.run(_pin(home, one, records))
        files = [
            json.dumps({**config, "cluster": {"listen": [f"tcp://0.0.0.0:{PORT}"], "label": home.label}})
            for home in homes
        ]
        with ThreadPoolExecutor() as pool:
            list(pool.map(LinkedHome.start_daemon, homes, files))
        eventually(lambda: homes[0].sees() == dict.fromkeys(labels, "up"))
        yield homes


def _identity(home: LinkedHome) -> Identity:
    home.root.mkdir(mode=0o700)
    (home.root / "keys").mkdir(mode=0o700)
    return load_or_create(home.root / "keys" / "identity")


def _addresses(home: LinkedHome, homes: list[LinkedHome]) -> tuple[str, ...]:
    """Where a home is reached: by its cable; the first by all of them."""
    assert home.host is not None
    cables = [one.cable for one in homes if one.cable is not None and home in (one, homes[0])]
    return tuple(f"tcp://{cable.address(home.host)}:{PORT}" for cable in cables)


async def _pin(home: LinkedHome, identity: Identity, records: list[SignedMember]) -> None:
    """Let the home be in the cluster, as pairing leaves it."""
    paths = find_home(home.environ)
    memory = Memory(Path(paths.database))
    memory.open()
    book = Book(memory, identity, Path(paths.cluster_key))
    await book.open()
    await book.pin(CLUSTER.public_key, records)
    memory.close()


def _end_all(folder: Path, homes: list[LinkedHome]) -> None:
    """Kill all that runs in any home; a keeper that was quicker has started a daemon anew."""
    while left := processes_of(folder):
        end(left)
    for home in homes:
        remove_groups(home.root)
