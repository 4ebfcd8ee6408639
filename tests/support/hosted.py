"""Homes with real daemons on hosts of a network of their own: all of a home's commands run there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.home import ScratchHome
from tests.support.network import Cable, Host, Network
from tests.support.terminal import Terminal
from tests.support.wait import eventually


@dataclass
class HostedHome(ScratchHome):
    """A home whose daemon and commands run on `host`."""

    host: Host | None = None

    def command(self, *argv: str) -> list[str]:
        """The command line, on the host."""
        plain = super().command(*argv)
        return self.host.inside(*plain) if self.host is not None else plain

    def terminal(self, *argv: str) -> Terminal:
        """`viscript ARGV` on a terminal of its own."""
        environ = {**self.environ, "LANG": "C.UTF-8"}
        program, *words = self.command(*argv)
        found = shutil.which(program) or program
        return Terminal([found, *words], environ, cwd=self.root, columns=160, rows=40)

    def after_a_kill(self) -> None:
        """Kill the daemon; the keeper starts the next, which answers when this returns."""
        before = self.kill_daemon()
        eventually(lambda: self.daemon_pid() != before and self.viscript("la").code == 0)


@dataclass
class Hosted:
    """A network, and the homes on its hosts."""

    network: Network
    folder: Path
    stack: ExitStack

    def home(self, name: str, config: str = "apps: {}\n") -> HostedHome:
        """A home on a host of its own; its daemon runs."""
        home = HostedHome(self.folder / name, host=self.network.host(name))
        home.root.mkdir(mode=0o700)
        self.stack.callback(home.close)
        self.stack.callback(home.end_daemon)
        home.start_daemon(config)
        return home

    def cable(self, first: HostedHome, second: HostedHome) -> Cable:
        """Join the hosts of two homes."""
        assert first.host is not None
        assert second.host is not None
        return self.network.cable(first.host, second.host)


@contextmanager
def hosted(folder: Path) -> Iterator[Hosted]:
    """All of it, gone at the end."""
    with Network() as network, ExitStack() as stack:
        yield Hosted(network, folder, stack)
