"""Visors on hosts of a network of their own: processes, states and a bus each.

    async with mesh_hosts(folder) as world:
        ann, ben = await world.visors("ann", "ben")
        cable = world.cable(ann, ben)
        await world.link(ann, ben)
        async with ann.app() as app: ...

One host, the hub, has the node manager, the setup node and the messenger; each other host has a cable to it.
Nobody passes IP on, except the router a hidden host is behind: hosts without a cable between them reach each
other over the mesh alone. Visors run without a daemon; each joins a bus in the test's process, to be asked.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from components.visor.app import App
from signal_bus.identity import load_or_create
from signal_bus.ids import PublicKey
from signal_bus.server import SignalServer
from signal_bus.testing import RecordingDelegate, apps_endpoint, serving
from tests.support.network import Cable, Host, Network

SERVICES: Final = "10.99.0.1"
MANAGER: Final = f"http://{SERVICES}:9091"
LINKS_PORT: Final = 7777
SEQ: Final = 7
DEADLINE_S: Final = 60.0  # for whatever must happen; a busy machine is slow
HUB: Final = "hub"
_SERVICES_ENVIRON: Final = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}


class Program:
    """A module of ours that runs on a host and writes to a log of its own."""

    def __init__(self, host: Host, folder: Path, name: str) -> None:
        self.host = host
        self.name = name
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, module: str, *words: str, **environ: str) -> None:
        """Start it, for the first time or again."""
        self.close()
        argv = [sys.executable, "-P", "-m", module, *words]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.host.inside(*argv),
                env={**_SERVICES_ENVIRON, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, once it ended."""
        assert self._process is not None
        process = self._process
        await until(lambda: process.poll() is not None, f"the end of {self.name}")
        return process.wait()

    async def said(self, text: str) -> None:
        """Until it wrote this. Raises `AssertionError` with its log when it ends before."""
        assert self._process is not None
        process = self._process
        await until(
            lambda: text in self.log.read_text() or process.poll() is not None, f"{self.name}: {text}"
        )
        assert text in self.log.read_text(), f"{self.name} ended: {self.log.read_text()}"

    def close(self) -> None:
        """It runs no more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Visor(Program):
    """One visor; `call` asks it what verbs ask."""

    def __init__(self, world: World, host: Host, folder: Path, name: str, bus: SignalServer) -> None:
        super().__init__(host, folder, name)
        self.home = folder / name
        self.key: PublicKey = load_or_create(self.home / "identity").public_key
        self.pk = self.key.hex()
        self.bus = bus
        self._world = world
        self._generation = 0

    def begin(self, *words: str) -> None:
        """Start it, not yet ready. More `words` come after the usual ones."""
        self._generation += 1
        usual = ["--listen", f"0.0.0.0:{LINKS_PORT}", "--state", str(self.home), "--alone"]
        advertised = self._world.advertised(self.host)
        told = ["--advertise", f"{advertised}:{LINKS_PORT}"] if advertised else []
        self.start(
            "components.visor",
            *(*usual, *told, *self._world.around, *words),
            VISCRIPT_ENDPOINT=apps_endpoint(self.home),
            VISCRIPT_SEQ=str(SEQ),
            VISCRIPT_GENERATION=str(self._generation),
        )

    async def ready(self) -> None:
        """Until this run answers on its bus."""

        async def answers() -> object:
            return (await self.call("health"))["public_key"] == self.pk

        await self.said("takes links at")
        await eventually(answers, f"{self.name} on its bus")

    async def call(self, method: str, **params: object) -> Any:  # Any: each method has its own form
        """What a method of it answers. Raises `RemoteError` or another `BusError`."""
        return await self.bus.call(SEQ, method, params, 40.0)

    def app(self, name: str = "app") -> App:
        """An app of this visor; use it in an `async with`."""
        return App.connect(str(self.home / "app.sock"), name=name, patience_s=DEADLINE_S)


class World:
    """The hosts, their cables and what runs there."""

    def __init__(self, folder: Path, network: Network, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.network = network
        self.around: tuple[str, ...] = ()
        self.hub = self._host(HUB)
        self._stack = stack
        self._to_hub: dict[Host, str] = {}
        self._cables: dict[frozenset[str], Cable] = {}

    def _host(self, name: str) -> Host:
        host = self.network.host(name)
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        return host

    # -- services

    async def serve(self) -> None:
        """Node manager, setup node and messenger run on the hub."""
        self.hub.ip("address", "add", f"{SERVICES}/32", "dev", "lo")
        keys = {name: load_or_create(self._folder(name) / "identity") for name in ("setup", "messenger")}
        manager = self._program("manager")
        manager.start(
            "components.node_manager",
            *("--listen", f"{SERVICES}:9091", "--state", self._state("manager")),
        )
        setup = self._program("setup")
        identity = str(self.folder / "setup" / "identity")
        setup.start(
            "components.node_manager.setup",
            *("--listen", f"{SERVICES}:9093", "--identity", identity, "--directory", MANAGER),
        )
        messenger = self._program("messenger")
        messenger.start(
            "components.messenger",
            *("--listen", f"{SERVICES}:8081", "--state", self._state("messenger"), "--discovery", MANAGER),
        )
        self.around = (
            *("--manager", MANAGER),
            *("--setup-node", f"{keys['setup'].public_key.hex()}@{SERVICES}:9093"),
            *("--messenger", f"{keys['messenger'].public_key.hex()}@{SERVICES}:8081"),
        )
        for program in (manager, setup, messenger):
            await program.said("listening at")

    def _program(self, name: str) -> Program:
        program = Program(self.hub, self.folder, name)
        self._stack.callback(program.close)
        return program

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _state(self, name: str) -> str:
        return str(self._folder(name))

    # -- visors

    async def visors(self, *names: str, hidden: str = "") -> list[Visor]:
        """Visors on hosts of these names, the hub's too; the `hidden` one is behind NAT."""
        made = [await self._visor(name, hidden=name == hidden) for name in names]
        for visor in made:
            visor.begin()
        for visor in made:
            await visor.ready()
        return made

    async def _visor(self, name: str, *, hidden: bool) -> Visor:
        host = self.hub if name == HUB else self._behind(name) if hidden else self._beside(name)
        bus, _ = await self._stack.enter_async_context(serving(self._folder(name), RecordingDelegate()))
        visor = Visor(self, host, self.folder, name, bus)
        self._stack.callback(visor.close)
        return visor

    def _beside(self, name: str) -> Host:
        host = self._host(name)
        cable = self.network.cable(host, self.hub)
        host.default_route(cable.address(self.hub))
        self._to_hub[host] = cable.address(host)
        self._cables[frozenset((name, HUB))] = cable
        return host

    def _behind(self, name: str) -> Host:
        router = self._host(f"{name}-nat")
        outside = self.network.cable(router, self.hub)
        router.default_route(outside.address(self.hub))
        host = self._host(name)
        inside = self.network.cable(host, router)
        host.default_route(inside.address(router))
        self.network.nat(router, outside)
        return host

    def advertised(self, host: Host) -> str:
        """Where others on the hub's cables reach it; nothing where they cannot."""
        return SERVICES if host is self.hub else self._to_hub.get(host, "")

    # -- links

    def cable(self, one: Visor, other: Visor) -> Cable:
        """The cable between two hosts, a new one if need be."""
        pair = frozenset((one.name, other.name))
        if pair not in self._cables:
            self._cables[pair] = self.network.cable(one.host, other.host)
        return self._cables[pair]

    async def link(self, one: Visor, other: Visor) -> None:
        """A direct link over their cable, up at both ends."""
        address = self.cable(one, other).address(other.host)
        await one.call("add_transport", peer=f"{other.pk}@{address}:{LINKS_PORT}")
        await self.linked(one, other)

    async def relay(self, one: Visor, other: Visor) -> None:
        """A link by the messenger, up at both ends."""

        async def added() -> object:
            return await one.call("add_transport", peer=other.pk, type="dmsg")

        await eventually(added, f"a relayed link from {one.name} to {other.name}")
        await self.linked(one, other)

    async def linked(self, one: Visor, other: Visor) -> None:
        """Until a link is up at both ends."""

        async def up() -> bool:
            here, there = await one.call("transports"), await other.call("transports")
            return any(row["up"] and row["public_key"] == other.pk for row in here) and any(
                row["up"] and row["public_key"] == one.pk for row in there
            )

        await eventually(up, f"a link between {one.name} and {other.name}")

    async def path(self, *way: Visor) -> None:
        """Until the route finder knows this way."""
        first, *between, last = way

        async def known() -> object:
            through = [visor.pk for visor in between]
            return await first.call("find_route", peer=last.pk, min_hops=len(way) - 1, through=through)

        await eventually(known, "a way over " + ", ".join(visor.name for visor in way))


@asynccontextmanager
async def mesh_hosts(folder: Path) -> AsyncIterator[World]:
    """A network with its services; all is gone after the block."""
    async with AsyncExitStack() as stack:
        network = stack.enter_context(Network())
        world = World(folder, network, stack)
        await world.serve()
        yield world


async def until(probe: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Until it is so. Raises `AssertionError` that names it."""

    async def asked() -> object:
        return probe()

    await eventually(asked, what, deadline_s)


async def eventually(
    probe: Callable[[], Awaitable[object]], what: str, deadline_s: float = DEADLINE_S
) -> None:
    """Until the answer is so; one that fails is asked again. Raises `AssertionError` with the last fault."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    fault: Exception | None = None
    while True:
        try:
            if await probe():
                return
        except Exception as exc:  # what is not up yet fails in many ways; the last one is told
            fault = exc
        assert loop.time() < end, f"not within {deadline_s:g} s: {what} ({fault})"
        await asyncio.sleep(0.02)
