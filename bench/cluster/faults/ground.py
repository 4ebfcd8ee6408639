"""Three hosts and an etcd of three members: namespaces round a router that can drop what it likes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from glob import glob
from pathlib import Path
from typing import Any, Final

import psutil

from bench.cluster.faults import teller
from bench.cluster.faults.lines import Line, parsed
from tests.support.caller import Caller
from tests.support.etcd import Etcd
from tests.support.home import Answer
from tests.support.hosted import HostedHome
from tests.support.network import Host, Network
from tests.support.small_disk import SmallDisk
from tests.support.wait import eventually

LABELS: Final = ("alpha", "beta", "gamma")
SOLOS: Final = ("solo-1", "solo-2", "solo-3")
POOL: Final = "pool"
POOL_COUNT: Final = 2
MARK: Final = "mark"
DISK: Final = "16m"
UP_S: Final = 90.0
DATEFUDGE: Final = "/usr/lib/*/datefudge/datefudge.so"
RULES: Final = """
table ip cut
delete table ip cut
table ip cut {{
    chain through {{ type filter hook forward priority 0; {drops} }}
}}
"""


class Place:
    """One host of the cluster: its home, and how to ask it."""

    def __init__(self, home: HostedHome, host: Host, address: str) -> None:
        self.home = home
        self.host = host
        self.address = address
        self.label = home.root.name
        self.caller = Caller(home)
        self.disk: SmallDisk | None = None

    def rows(self, *argv: str) -> list[dict[str, Any]]:
        """What a verb tells as rows; none where it does not answer."""
        try:
            answer = self.caller.ask(*argv, "-o", "json", timeout=10)
        except (OSError, AssertionError, ValueError):
            return []
        found: list[dict[str, Any]] = json.loads(answer.out) if answer.out else []
        return found

    def say(self, *argv: str) -> Answer:
        """What a verb answers, which is to succeed."""
        return self.caller.ask(*argv, timeout=60).ok()


class Ground:
    """All of it. Members of etcd are started by the thread that made it only: they end with that thread."""

    def __init__(self, folder: Path, network: Network, stack: ExitStack) -> None:
        self.folder = folder
        self.told = folder / "told"
        self._stack = stack
        self._network = network
        self._read = 0
        self._lines: list[Line] = []
        self.primary = ""  # the label of the host whose store all use, where there is no engine
        self.core = network.host("core")
        self.core.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.etcd = self._engine()
        self.places = {label: self._place(label) for label in LABELS}

    def _wired(self, name: str) -> tuple[Host, str]:
        host = self._network.host(name)
        cable = self._network.cable(self.core, host)
        host.default_route(cable.address(self.core))
        return host, cable.address(host)

    def _engine(self) -> Etcd:
        made = Etcd(self.folder, 3)
        self._stack.callback(made.stop)
        for member in made.members:
            host, member.host = self._wired(member.name)
            member.inside, member.client, member.peer = host.inside, 2379, 2380
        return made

    def _place(self, label: str) -> Place:
        host, address = self._wired(label)
        home = HostedHome(self.folder / label, host=host)
        home.root.mkdir(mode=0o700)
        self._stack.callback(home.close)
        return Place(home, host, address)

    # What a host may have, before it comes up.

    def give_small_disk(self, label: str) -> None:
        """Its home is a disk of its own that can be filled."""
        home = self.places[label].home
        self.places[label].disk = SmallDisk(home, home.root, DISK)

    def give_primary(self, label: str) -> None:
        """There is no engine: that host has the store for all."""
        self.primary = label
        self.etcd.members.clear()

    # Coming up.

    def come_up(self) -> None:
        """The engine, the daemons, one cluster of all, and what it is to run."""
        assert self.etcd.come_up()
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.start, self.places.values()))
        first, *others = self.places.values()
        for place in others:
            join(first, place)
        eventually(self.all_see_all, deadline_s=UP_S, interval_s=0.2)
        eventually(lambda: first.caller.ask("store", "status").code == 0, deadline_s=UP_S, interval_s=0.2)
        for label in LABELS:
            first.say("deploy", f"pinned-{label}", "--place", label)
        for app in SOLOS:
            first.say("deploy", app)
        first.say("deploy", POOL, "--count", str(POOL_COUNT))
        first.say("deploy", MARK, "0", "--place", "role=nobody")

    def start(self, place: Place) -> None:
        """Start the daemon of a host."""
        if place.disk is not None:
            place.disk.start_daemon(self.config(place.label))
        else:
            place.home.start_daemon(self.config(place.label))

    def config(self, label: str) -> str:
        """What a host is told."""
        names = (f"plain-{label}", *(f"pinned-{one}" for one in LABELS), *SOLOS, POOL)
        apps: dict[str, Any] = {name: {"command": self._teller(name)} for name in names}
        apps[f"plain-{label}"]["autostart"] = True
        apps[MARK] = {"command": ["sleep", "1000"]}
        store = f"host://{self.primary}" if self.primary else self.etcd.url("/viscript/faults")
        return json.dumps({"cluster": {"label": label}, "store": store, "apps": apps})

    def _teller(self, app: str) -> list[str]:
        return [sys.executable, "-S", "-I", teller.__file__, str(self.told), app]

    # Harm to the network.

    def drop(self, pairs: Iterable[tuple[str, str]]) -> None:
        """From the first to the second of each pair of addresses nothing passes, without a word."""
        drops = " ".join(f"ip saddr {source} ip daddr {to} drop;" for source, to in pairs)
        rules = RULES.format(drops=drops)
        subprocess.run(self.core.inside("nft", "-f", "-"), input=rules, text=True, check=True)

    def addresses(self, *, hosts: bool = True, engine: bool = True) -> list[str]:
        """Of hosts, of members of the engine."""
        found = [place.address for place in self.places.values()] if hosts else []
        return found + ([member.host for member in self.etcd.members] if engine else [])

    # Harm to a clock.

    def set_clock(self, place: Place, ahead_s: int) -> None:
        """From its next daemon and keeper on, the time of day there is so far ahead of ours.

        Debian's datefudge does it, for whatever the home starts. The clocks that only go on stay as they are,
        as they do when somebody sets a clock; so do the times of files.
        """
        for name in ("LD_PRELOAD", "DATEFUDGE"):
            place.home.environ.pop(name, None)
        if ahead_s:
            place.home.environ |= {"LD_PRELOAD": glob(DATEFUDGE)[0], "DATEFUDGE": str(-ahead_s)}

    # How it stands.

    def lines(self) -> list[Line]:
        """All that apps have said."""
        if self.told.exists():
            with self.told.open("rb") as file:
                file.seek(self._read)
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read += len(whole)
            self._lines += parsed(whole.decode())
        return self._lines

    def forget_lines(self) -> None:
        """Of what is past."""
        self.lines()
        self._lines = []

    def sees(self, place: Place) -> dict[str, str]:
        """Each host, and how it is seen from there."""
        return {row["label"]: row["state"] for row in place.rows("hosts")}

    def all_see_all(self) -> bool:
        """Whether every host sees every host."""
        everyone = dict.fromkeys(LABELS, "up")
        return all(self.sees(place) == everyone for place in self.places.values())

    def version(self, place: Place) -> int:
        """Of the order that the writers give, as that host sees it."""
        return max((row["version"] for row in place.rows("deploy", "ls", MARK)), default=0)


def join(first: Place, other: Place) -> None:
    """Pair as two persons do."""
    code = first.say("host", "invite", "--for", other.label, "--role", "admin", "--no-wait", "-o", "name")
    shown = other.say("host", "join", code.out.strip(), "--no-wait", "-o", "name")
    first.say("host", "approve", shown.out.strip(), "--no-wait")
    (row,) = first.rows("host", "pending")
    other.say("host", "approve", row["words"])


@contextmanager
def ground(given: Callable[[Ground], None] = lambda made: None) -> Iterator[Ground]:
    """Everything is up, once `given` has had its way; all is gone at the end."""

    with (
        tempfile.TemporaryDirectory(prefix="vc", dir="/tmp") as folder,
        Network() as network,
        ExitStack() as stack,
    ):
        made = Ground(Path(folder), network, stack)
        given(made)
        stack.enter_context(made.core.entered())  # this thread asks the engine too
        try:
            made.come_up()
            yield made
        finally:
            for place in made.places.values():
                kill(place)


def kill(place: Place) -> None:
    """SIGKILL for all that runs in a home, until nothing is left."""
    while left := place.home.processes():
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
