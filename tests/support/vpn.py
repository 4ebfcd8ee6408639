"""Hosts with tunnels: a namespace to be changed at will, what it looks like, homes with a daemon on hosts."""

from __future__ import annotations

import asyncio
import itertools
import json
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self, cast

from signal_bus.testing import apps_endpoint
from tests.support.home import ScratchHome
from tests.support.mesh_hosts import Program, Visor, World, eventually, mesh_hosts, until
from tests.support.network import Host, Network

CLIENT_SEQ: Final = 9  # of the client on the bus
_ALL: Final = 0x0003  # all kinds of packets
_IPV4: Final = 0x0800
_IPV6: Final = 0x86DD


@contextmanager
def namespace(name: str = "a") -> Iterator[Host]:
    """This thread is on a host of its own meanwhile, which has a cable to a neighbour."""
    with Network() as network:
        host, neighbour = network.host(name), network.host("neighbour")
        cable = network.cable(host, neighbour)
        host.default_route(cable.address(neighbour))
        with host.entered():
            yield host


def looks(host: Host) -> dict[str, str]:
    """All that a tunnel may change on a host, to be compared."""
    seen = {
        "rules 4": host.run("ip", "-4", "rule"),
        "rules 6": host.run("ip", "-6", "rule"),
        "routes 4": host.run("ip", "-4", "route", "show", "table", "all"),
        "routes 6": _without_times(host.run("ip", "-6", "route", "show", "table", "all")),
        "links": host.run("ip", "-o", "link"),
        "tables": host.run("nft", "-s", "list", "ruleset"),
        "settings": host.run("sh", "-c", "grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf | sort"),
        "forward": host.run("cat", "/proc/sys/net/ipv4/ip_forward"),
    }
    addresses = json.loads(host.run("ip", "-j", "address"))
    seen["addresses"] = str([(link["ifname"], _addresses(link["addr_info"])) for link in addresses])
    return seen


def _addresses(found: list[dict[str, object]]) -> list[object]:
    return [info["local"] for info in found if info["scope"] != "link"]


def _without_times(text: str) -> str:
    return "\n".join(line.partition(" expires ")[0] for line in text.splitlines() if "fe80" not in line)


@dataclass
class HostHome(ScratchHome):
    """A home whose daemon runs on a host of a network."""

    host: Host | None = None

    def command(self, *argv: str) -> list[str]:
        """The command line, on the host."""
        assert self.host is not None
        return self.host.inside(*super().command(*argv))


class Capture(Thread):
    """What leaves a host past its loopback and its tunnel: (interface, destination, protocol, port)."""

    def __init__(self, host: Host) -> None:
        super().__init__(daemon=True)
        self.seen: set[tuple[str, str, int, int]] = set()
        self._done = Event()
        with host.entered():
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024 * 1024)
        self._sock.settimeout(0.1)

    def run(self) -> None:
        """Until the end of the block."""
        while not self._done.is_set():
            try:
                data, address = self._sock.recvfrom(65_535)
            except TimeoutError:
                continue
            if address[2] == socket.PACKET_OUTGOING and address[0] not in ("lo", "vmesh0"):
                self._note(address[0], address[1], data)

    def _note(self, device: str, kind: int, data: bytes) -> None:
        if kind == _IPV4:
            start, protocol = (data[0] & 15) * 4, data[9]
            destination = str(ip_address(data[16:20]))
        elif kind == _IPV6:
            start, protocol, destination = 40, data[6], str(ip_address(data[24:40]))
        else:
            return
        port = int.from_bytes(data[start + 2 : start + 4], "big") if protocol in (6, 17) else 0
        self.seen.add((device, destination, protocol, port))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self.join()
        self._sock.close()

    def sent_to(self, *addresses: str) -> list[tuple[str, str, int, int]]:
        """What left for one of these, or for any resolver."""
        return [seen for seen in self.seen if seen[1] in addresses or seen[3] == 53]


class Resolver(asyncio.DatagramProtocol):
    """Answers every question for an A record with 192.0.2.7; by TCP too, see `resolving`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(named(data), addr)


def named(question: bytes) -> bytes:
    """The answer to a question."""
    head = question[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
    return head + question[12:] + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07"


@asynccontextmanager
async def resolving(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """A resolver by UDP and TCP; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = named(await reader.readexactly(size))
        writer.write(len(answer).to_bytes(2, "big") + answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            group.create_task(serve(reader, writer))

        server = await asyncio.start_server(connected, host, port)
        port = server.sockets[0].getsockname()[1]
        transport, _ = await loop.create_datagram_endpoint(Resolver, (host, port))
        async with server:
            yield port
        transport.close()


class Path:
    """Ann's packets leave at Ben, whose cable alone leads to the host `web`."""

    def __init__(self, world: World, ann: Visor, ben: Visor, folder: pathlib.Path) -> None:
        self.world, self.ann, self.ben = world, ann, ben
        self.folder = folder
        self.web = world.network.host("web")
        cable = world.network.cable(ben.host, self.web)
        self.address = cable.address(self.web)
        self.address6 = cable.second[3]
        self.server = Program(ben.host, folder, "server")
        self.client = Program(ann.host, folder, "client")
        self._generation = 0
        self._running: list[subprocess.Popen[bytes]] = []

    def at_web(self, *argv: str) -> None:
        """A program at the web host, until the end."""
        self._running.append(
            subprocess.Popen(
                self.web.inside(*argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def close(self) -> None:
        """Nothing of it runs any more."""
        self.client.close()
        self.server.close()
        for process in self._running:
            process.kill()
            process.wait()

    async def serve(self, *words: str) -> None:
        """The exit runs."""
        place = (
            "out",
            str(self.ben.home / "app.sock"),
            "--state",
            str(self.folder / "at-ben" / "vpn-server"),
        )
        self.server.start("plugins.vpn.server", *place, *(words or ("--allow-private",)))
        await self.server.said("ready")

    def begin(self, *words: str) -> None:
        """The client starts, or starts again."""
        self._generation += 1
        place = ("in", str(self.ann.home / "app.sock"), "--state", str(self.folder / "at-ann" / "vpn-client"))
        environ = {
            "VISCRIPT_ENDPOINT": apps_endpoint(self.ann.home),
            "VISCRIPT_SEQ": str(CLIENT_SEQ),
            "VISCRIPT_GENERATION": str(self._generation),
        }
        self.client.log.unlink(missing_ok=True)
        self.client.start("plugins.vpn.client", *place, "--peer", self.ben.pk, *words, **environ)

    async def up(self, *words: str) -> None:
        """The client leads packets through the tunnel."""
        self.begin(*words)
        await self.client.said("engaged")
        await self.reaches()

    async def ask(self, method: str, **params: object) -> Any:  # Any: each method has its own form
        """What a method of the client answers."""
        return await self.ann.bus.call(CLIENT_SEQ, method, params, 40.0)

    async def state(self, *wanted: str, deadline_s: float = 90.0) -> None:
        """Until the client is in one of these states."""

        async def so() -> bool:
            return (await self.ask("status"))["state"] in wanted

        await eventually(so, f"the client {wanted}", deadline_s)

    async def reaches(self, address: str = "") -> None:
        """Until the web host answers a ping from Ann."""
        await until(lambda: pings(self.ann.host, address or self.address), "a ping through the tunnel")

    async def stop(self, program: Program) -> None:
        """Ask it to end, and wait."""
        program.signal(signal.SIGTERM)
        assert await program.ended() == 0, program.log.read_text()

    def restore(self, name: str = "ann") -> str:
        """A fresh process takes back what is left at Ann, or Ben."""
        host = self.ann.host if name == "ann" else self.ben.host
        folder = str(self.folder / f"at-{name}")
        return host.run(sys.executable, "-P", "-m", "plugins.vpn.restore", folder)


def pings(host: Host, address: str) -> bool:
    """Whether one ping is answered."""
    done = subprocess.run(
        host.inside("ping", "-c1", "-W1", address), capture_output=True, check=False, timeout=20
    )
    return done.returncode == 0


@asynccontextmanager
async def path(folder: pathlib.Path, *, between: bool = False) -> AsyncIterator[Path]:
    """Two visors with a link, or one between; the exit's host has a way out. No tunnel runs yet."""
    async with mesh_hosts(folder) as world:
        ann, ben, *others = await world.visors("ann", "ben", *(["hub"] if between else []))
        row = [ann, *others, ben]
        for one, other in itertools.pairwise(row):
            await world.link(one, other)
        await world.path(*row)
        made = Path(world, ann, ben, folder)
        try:
            yield made
        finally:
            made.close()
