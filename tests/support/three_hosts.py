"""Three hosts in namespaces of their own, one behind NAT, and an etcd of three members on a fourth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from tests.support.etcd import Etcd
from tests.support.hosted import HostedHome
from tests.support.network import Host, Network
from tests.support.wait import eventually

APPS: Final = 'apps:\n  web: {command: [sleep, "1000"]}\n  job: {command: [sleep, "1000"]}\n'
ENGINE: Final = "10.99.0.1"  # of the host in the middle, which routes between the others


class ThreeHosts:
    """alpha and beta have addresses; gamma is behind NAT. All reach the engine."""

    def __init__(self, folder: Path, network: Network, stack: ExitStack) -> None:
        self.folder = folder
        self.url = ""  # of the engine
        self._stack = stack
        self._network = network
        self.core = network.host("core")
        self.core.ip("address", "add", f"{ENGINE}/32", "dev", "lo")
        self.core.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.alpha, self.beta = (self._home(name, self._host(name)) for name in ("alpha", "beta"))
        self.gamma = self._home("gamma", self._hidden("gamma"))
        self.homes = (self.alpha, self.beta, self.gamma)

    def _host(self, name: str) -> Host:
        host = self._network.host(name)
        cable = self._network.cable(self.core, host)
        host.default_route(cable.address(self.core))
        return host

    def _hidden(self, name: str) -> Host:
        router, host = self._host(f"{name}-nat"), self._network.host(name)
        inside = self._network.cable(router, host)
        host.default_route(inside.address(router))
        outside = router.ends[0]
        interface = next(
            line.split()[1] for line in router.run("ip", "-o", "-4", "addr").splitlines() if outside in line
        )
        self._network.hide(router, interface)
        return host

    def _home(self, name: str, host: Host) -> HostedHome:
        home = HostedHome(self.folder / name, host=host)
        home.root.mkdir(mode=0o700)
        self._stack.callback(home.close)
        return home

    def etcd(self) -> Etcd:
        """Three members on the host in the middle, up."""
        made = Etcd(self.folder, 3)
        self._stack.callback(made.stop)
        for member in made.members:
            member.host = ENGINE
        with self.core.entered():  # for this thread, and so for what it starts
            assert made.come_up()
        self.url = made.url("/viscript/three")
        return made

    def start(self, *homes: HostedHome) -> None:
        """Start daemons; of all homes where none is named."""
        for home in homes or self.homes:
            home.start_daemon(f"cluster: {{label: {home.root.name}}}\nstore: {self.url}\n{APPS}")

    def join(self) -> None:
        """beta and gamma join alpha, by its codes; all see one another."""
        for home in (self.beta, self.gamma):
            label = home.root.name
            code = self.alpha.viscript(
                "host", "invite", "--for", label, "--role", "admin", "--no-wait", "-o", "name"
            )
            shown = home.viscript("host", "join", code.ok().out.strip(), "--no-wait", "-o", "name")
            self.alpha.viscript("host", "approve", shown.ok().out.strip(), "--no-wait").ok()
            (row,) = self.alpha.viscript("host", "pending", "-o", "json").ok().json()
            home.viscript("host", "approve", row["words"]).ok()
        eventually(lambda: all(self.states(home) == {"up"} for home in self.homes), deadline_s=60)

    def states(self, home: HostedHome) -> set[str]:
        """How a home sees the hosts."""
        return {row["state"] for row in rows(home, "hosts")} if len(rows(home, "hosts")) == 3 else set()


def rows(home: HostedHome, *argv: str) -> list[dict[str, Any]]:
    """The rows of a verb."""
    found: list[dict[str, Any]] = home.viscript(*argv, "-o", "json", timeout=60).json()
    return found


@contextmanager
def three_hosts(folder: Path) -> Iterator[ThreeHosts]:
    """All of it, gone at the end."""
    with Network() as network, ExitStack() as stack:
        made = ThreeHosts(folder, network, stack)
        try:
            yield made
        finally:
            for home in made.homes:
                kill(home)


def kill(home: HostedHome) -> None:
    """The host is gone: SIGKILL for all that runs in the home, until nothing is left."""
    while left := home.processes():
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
