"""What the apps need of their host, looked at before anything is changed."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from plugins.vpn.tun import TunError, abilities

PROGRAMS: Final = {"ip": "iproute2", "nft": "nftables"}
_NET_ADMIN: Final = 12  # the bit of CAP_NET_ADMIN
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"


class Lacking(Exception):
    """Something is missing; the sentence says what, and what to do."""


def check(
    status: Path = Path("/proc/self/status"), find: Callable[[str], object] | None = None
) -> tuple[bool, bool]:
    """What TUN devices can do here: whole segments, whole datagrams. Raises `Lacking`."""
    if not may_administer(status.read_text()):
        raise Lacking("CAP_NET_ADMIN is missing: run the daemon as root, or give it the capability")
    find = find or (lambda program: shutil.which(program, path=_PATH))
    for program, package in PROGRAMS.items():
        if not find(program):
            raise Lacking(f"the program {program} is missing: install {package}")
    try:
        return abilities()
    except TunError as exc:
        raise Lacking(f"{exc}; load the module tun, or let this host have the device") from exc


def may_administer(status: str) -> bool:
    """Whether the text of /proc/PID/status has CAP_NET_ADMIN in effect."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _NET_ADMIN & 1)
    return False


def lock(which: str) -> socket.socket:
    """A name that one process of this network can hold, until it ends. Raises `Lacking`."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.bind(f"\0viscript.vpn.{which}")
    except OSError as exc:
        sock.close()
        raise Lacking(f"another vpn-{which} runs on this host already") from exc
    return sock


def has_ipv6(folder: Path = Path("/proc/sys/net/ipv6/conf/default")) -> bool:
    """Whether new devices of this host have IPv6."""
    try:
        return (folder / "disable_ipv6").read_text().strip() == "0"
    except OSError:
        return False


def solicited(folder: Path = Path("/proc/sys/net/ipv6/conf")) -> tuple[str, ...]:
    """The interfaces that learn routes from routers as long as this host is none itself."""
    paths = sorted(folder.glob("*/accept_ra"))
    names = [path.parent.name for path in paths if path.read_text().strip() == "1"]
    return tuple(name for name in names if name not in ("all", "default", "lo"))
