"""Hosts of a network of our own: namespaces joined by veth pairs, with NAT where asked.

Needs root. Everything made carries one random prefix; all is gone, with what ran there, once it is closed.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_NAT = """
table inet mesh {{
    chain post {{ type nat hook postrouting priority 100; oifname "{outside}" masquerade; }}
    chain through {{
        type filter hook forward priority 0; policy accept;
        iifname "{outside}" ct state established,related accept
        iifname "{outside}" drop
    }}
}}
"""


@dataclass(frozen=True)
class Cable:
    """Two ends of one veth pair: (host, interface, IPv4 address, IPv6 address) each."""

    first: tuple[Host, str, str, str]
    second: tuple[Host, str, str, str]

    def cut(self) -> None:
        """Nothing passes any more, and neither end is told by a reset."""
        self.first[0].ip("link", "set", self.first[1], "down")

    def mend(self) -> None:
        """It passes again."""
        host, interface, _, sixth = self.first
        host.ip("link", "set", interface, "up")
        host.ip("-6", "address", "replace", f"{sixth}/64", "dev", interface, "nodad")  # lost with the link

    def address(self, host: Host) -> str:
        """The IPv4 address of `host` on this cable."""
        return next(end[2] for end in (self.first, self.second) if end[0] is host)


@dataclass(eq=False)
class Host:
    """One namespace; `run` and `spawn` are a shell there."""

    name: str
    namespace: str
    ends: list[str] = field(default_factory=list)

    def ip(self, *words: str) -> None:
        """One `ip` command inside. Raises `CalledProcessError`."""
        _call("ip", "-n", self.namespace, *words)

    def inside(self, *argv: str) -> list[str]:
        """The command line that runs `argv` here."""
        return ["ip", "netns", "exec", self.namespace, *argv]

    def run(self, *argv: str, environ: Mapping[str, str] | None = None, timeout_s: float = 30) -> str:
        """What a command prints. Raises `CalledProcessError`, `TimeoutExpired`."""
        return subprocess.run(
            self.inside(*argv), env=environ, capture_output=True, text=True, check=True, timeout=timeout_s
        ).stdout

    def spawn(self, *argv: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A program that runs here; it is killed with the network at the latest."""
        return subprocess.Popen(
            self.inside(*argv), env=environ, stdin=subprocess.DEVNULL, start_new_session=True
        )

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread makes its sockets here meanwhile."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(own)
            os.close(there)
            os.close(own)

    def default_route(self, address: str) -> None:
        """Everything else goes by `address`."""
        self.ip("route", "replace", "default", "via", address)

    def pids(self) -> list[int]:
        """Who runs here."""
        return [int(pid) for pid in _call("ip", "netns", "pids", self.namespace).split()]


class Network:
    """Makes hosts and cables; a context manager."""

    def __init__(self) -> None:
        self._prefix = f"v{secrets.token_hex(2)}"
        self._cables = 0
        self.hosts: dict[str, Host] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def host(self, name: str) -> Host:
        """A host with a loopback of its own."""
        made = Host(name, f"{self._prefix}-{name}")
        _call("ip", "netns", "add", made.namespace)
        self.hosts[name] = made
        made.ip("link", "set", "lo", "up")
        # An IPv6 address is of use at once, not after a second of looking for doubles.
        made.run("sysctl", "-qw", *(f"net.ipv6.conf.{which}.accept_dad=0" for which in ("all", "default")))
        return made

    def cable(self, first: Host, second: Host) -> Cable:
        """Join two hosts: 10.N.0.1 and 10.N.0.2, fd00:N::1 and fd00:N::2."""
        self._cables += 1
        number = self._cables
        names = [f"{self._prefix}c{number}{end}" for end in "ab"]
        _call(
            *("ip", "link", "add", names[0], "netns", first.namespace),
            *("type", "veth", "peer", "name", names[1], "netns", second.namespace),
        )
        for host, interface in zip((first, second), names, strict=True):
            host.ip(
                "link", "set", interface, "up"
            )  # before the addresses, or multicast is at times not joined
        ends = [
            _end(host, interface, f"10.{number}.0.{last}", f"fd00:{number}::{last}")
            for last, (host, interface) in enumerate(zip((first, second), names, strict=True), 1)
        ]
        return Cable(ends[0], ends[1])

    def nat(self, router: Host, outside: Cable) -> None:
        """`router` hides all others behind its address on `outside`; nothing new comes in from there."""
        self.hide(router, next(end[1] for end in (outside.first, outside.second) if end[0] is router))

    def hide(self, router: Host, outside: str) -> None:
        """The same, by the name of the interface."""
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        subprocess.run(
            router.inside("nft", "-f", "-"), input=_NAT.format(outside=outside), text=True, check=True
        )

    def close(self) -> None:
        """Kill what runs in the hosts and remove them."""
        for host in self.hosts.values():
            for pid in host.pids():
                _kill(pid)
            _call("ip", "netns", "delete", host.namespace)
        self.hosts.clear()


def _end(host: Host, interface: str, fourth: str, sixth: str) -> tuple[Host, str, str, str]:
    host.ends.append(fourth)
    host.ip("address", "add", f"{fourth}/24", "dev", interface)
    host.ip("-6", "address", "add", f"{sixth}/64", "dev", interface, "nodad")
    return host, interface, fourth, sixth


def _enter(descriptor: int) -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0):
        raise OSError(ctypes.get_errno(), "setns")


def _call(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout


def _kill(pid: int) -> None:
    if Path(f"/proc/{pid}").exists():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
