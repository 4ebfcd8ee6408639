"""Which sockets listen on this host, from the tables of /proc/net. Pure.

A row of tcp and udp: `sl local remote state queues timer retransmits uid timeout inode ...`, addresses as
hexadecimal words in the order of the processor's bytes.
"""

import socket
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

_LISTENS: Final = {"tcp": "0A", "udp": "07"}
_LOOPBACK: Final = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}
_ANY: Final = frozenset({"0.0.0.0", "::", "*", ""})  # noqa: S104 (compared, never bound)


class Bound(NamedTuple):
    """A socket that takes connections or datagrams. `pids` is known where the table tells them."""

    protocol: str
    host: str
    port: int
    inode: int
    pids: tuple[int, ...] = ()

    def clashes(self, port: int, host: str | None) -> bool:
        """Whether it is in the way of somebody who wants that port; no host means any."""
        if port != self.port:
            return False
        return host is None or host in _ANY or self.host in _ANY or _same(host, self.host)


class BoundPath(NamedTuple):
    """A unix socket that listens on a path."""

    path: str
    inode: int


def parse_table(protocol: str, text: str) -> Iterator[Bound]:
    """The listeners of /proc/net/tcp, tcp6, udp or udp6."""
    listens = _LISTENS[protocol[:3]]
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != listens:
            continue
        try:
            host, port = _address(fields[1])
            yield Bound(protocol, host, port, int(fields[9]))
        except ValueError:  # a row of another form: none that we know of
            continue


def parse_unix(text: str) -> Iterator[BoundPath]:
    """The named sockets of /proc/net/unix that accept connections."""
    accepts = 0x10000
    for line in text.splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) < 8 or not fields[7].startswith("/"):
            continue
        try:
            if int(fields[3], 16) & accepts:
                yield BoundPath(fields[7], int(fields[6]))
        except ValueError:
            continue


def _address(text: str) -> tuple[str, int]:
    words, _, port = text.partition(":")
    data = bytes.fromhex(words)
    if sys.byteorder == "little":
        data = b"".join(data[place : place + 4][::-1] for place in range(0, len(data), 4))
    if len(data) not in (4, 16):
        raise ValueError(text)
    family = socket.AF_INET if len(data) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, data), int(port, 16)


def _same(wanted: str, bound: str) -> bool:
    wanted, bound = (_LOOPBACK.get(host, host.removeprefix("::ffff:")) for host in (wanted, bound))
    is_name = ":" not in wanted and not wanted.replace(".", "").isdigit()
    return is_name or wanted == bound  # a name may stand for any address
