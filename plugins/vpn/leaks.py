"""The leak test: whether packets take the tunnel, and none passes it by.

Probes with a random word go where packets would leak to first, while every interface but the tunnel's is
listened at. Inside the tunnel the word is encrypted: who sees it outside has found a leak.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Final, NamedTuple

from plugins.vpn.changes import Run
from plugins.vpn.firewall import DNS_PORT, Network
from plugins.vpn.host import HostError, run
from plugins.vpn.names import HEADER
from plugins.vpn.plan import DEVICE, Wish
from plugins.vpn.resolver import servers_of_this_host
from plugins.vpn.sniffer import Sniffer
from plugins.vpn.wire import Lease

ECHO_S: Final = 3.0
LISTEN_S: Final = 0.5  # after the last probe
DISCARD: Final = 9
FAR: Final = ("192.0.2.1", "2001:db8::1")  # addresses of nobody
_ECHO: Final = {
    socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129),
}


class Row(NamedTuple):
    """One thing that was looked at."""

    check: str
    ok: bool
    text: str


async def test(wish: Wish, lease: Lease) -> list[Row]:
    """All rows; the test is passed when each is ok."""
    gateways = [gateway for gateway in (lease.gateway4, lease.gateway6) if gateway]
    return [
        *[await _reached(gateway) for gateway in gateways],
        *[_routed(address, has=bool(lease.ipv6) or ":" not in address) for address in _goals(wish)],
        await _unseen(wish),
    ]


def _goals(wish: Wish) -> tuple[str, ...]:
    """Addresses that must go through the tunnel."""
    if not wish.split:
        return FAR
    return tuple(str(network[network.num_addresses // 2]) for network in wish.split)


async def _reached(gateway: str) -> Row:
    """Whether the exit's end of the tunnel answers an ordinary packet."""
    name = f"the exit at {gateway}"
    try:
        async with asyncio.timeout(ECHO_S):
            await _echo(gateway)
    except (OSError, TimeoutError) as exc:
        return Row(name, ok=False, text=str(exc) or f"no answer within {ECHO_S:g} s")
    return Row(name, ok=True, text="answers")


async def _echo(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    protocol, asking, answering = _ECHO[family]
    word = secrets.token_bytes(16)
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_RAW, protocol) as sock:
        sock.setblocking(False)
        body = struct.pack("!BBHHH", asking, 0, 0, 1, 1) + word
        if family == socket.AF_INET:  # of ICMPv6 the kernel fills the checksum in
            body = struct.pack("!BBHHH", asking, 0, checksum(body), 1, 1) + word
        await loop.sock_sendto(sock, body, (address, 0))
        while True:
            answer = await loop.sock_recv(sock, 4096)
            start = (answer[0] & 15) * 4 if family == socket.AF_INET else 0
            if answer[start] == answering and answer.endswith(word):
                return


def checksum(data: bytes) -> int:
    """Of the internet: the complement of the sum of 16-bit words."""
    words = struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2])
    total: int = sum(words) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def _routed(address: str, *, has: bool) -> Row:
    """Whether the kernel would send there by the tunnel; nowhere at all is as good."""
    name = f"the way to {address}"
    try:
        answer = json.loads(run(Run(("ip", "-j", "route", "get", address))))
        device = answer[0].get("dev", "")
    except HostError as exc:
        return Row(name, ok=not has, text=f"none: {str(exc).rpartition(':')[2].strip()}")
    return Row(name, ok=device == DEVICE, text=f"by {device or 'none'}")


async def _unseen(wish: Wish) -> Row:
    """Whether probes are seen at another interface."""
    word = secrets.token_hex(12)
    name = "probes outside the tunnel"
    try:
        with ExitStack() as stack:
            sniffer = stack.enter_context(Sniffer(word.encode(), ours=DEVICE))
            for place, port in _places(wish):
                _probe(place, port, word)
            if wish.kill_switch and not wish.split:
                for device in sniffer.devices():
                    for address in FAR:
                        _probe(address, DISCARD, word, device)
            await asyncio.sleep(LISTEN_S)
    except OSError as exc:
        return Row(name, ok=False, text=f"cannot be listened for: {exc.strerror or exc}")
    seen = sniffer.seen()
    return Row(name, ok=not seen, text="leaks: " + ", ".join(seen) if seen else "none seen")


def _places(wish: Wish) -> Sequence[tuple[str, int]]:
    goals = [(address, DISCARD) for address in _goals(wish)]
    if wish.split:
        return goals
    resolvers = [address for address in servers_of_this_host() if not _is_direct(address, wish.direct)]
    return [*goals, *((address, DNS_PORT) for address in (*FAR, *resolvers))]


def _is_direct(address: str, direct: Sequence[Network]) -> bool:
    return any(ip_address(address.partition("%")[0]) in network for network in direct)


def _probe(address: str, port: int, word: str, device: str = "") -> None:
    """Send one; that it cannot be sent is as good."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            if device:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            sock.sendto(_question(word), (address, port))
        except OSError:
            return


def _question(word: str) -> bytes:
    """A question for a name that nobody has."""
    header = secrets.token_bytes(2) + b"\x01\x00\x00\x01" + bytes(HEADER - 6)
    return header + bytes([len(word)]) + word.encode() + b"\x07invalid\0\0\1\0\1"
