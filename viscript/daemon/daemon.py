"""The daemon of one home, from the store to the last goodbye.

Coming up: store, events, plugins, bus, keeper (apps are taken back), autostart,
door (verbs are answered). Going down is the reverse; the apps go on unless a user asked to stop them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import viscript
from signal_bus.identity import load_or_create
from signal_bus.server import SignalServer
from viscript.cluster.audit.book import Audit
from viscript.cluster.far.far import Far
from viscript.config.loader import Loaded
from viscript.config.model import Plugins
from viscript.daemon import garbage, heap
from viscript.daemon.beginning import begin_all
from viscript.daemon.busside import BusDelegate, BusSide, tcp_door, users_of
from viscript.daemon.clustering import open_cluster
from viscript.daemon.descriptors import Descriptors
from viscript.daemon.desiring import desiring
from viscript.daemon.guard import Guard
from viscript.daemon.keeping import EventKeeping, tell_of_room
from viscript.daemon.limited import limiting
from viscript.daemon.notify import NotifyDoor, tell_manager
from viscript.daemon.parts import Given, Parts, leaders, membership, owner, wire
from viscript.daemon.reachable import until_lost
from viscript.daemon.reloading import Reloading
from viscript.daemon.settings import Options, finished, read_draft, read_file
from viscript.daemon.sharing import share
from viscript.daemon.surroundings import Surroundings
from viscript.daemon.tasks import Tasks
from viscript.daemon.tokens import Doorkeeper, Tokens
from viscript.daemon.verbcall import run_for_bus
from viscript.daemon.world import World, host_name
from viscript.door.server import Door
from viscript.events import EventLog
from viscript.home import Home
from viscript.keeper.host import choose, home_number
from viscript.keeper.launch import Finder, command
from viscript.keeper.places import Places
from viscript.pluginhost.host import PluginHost
from viscript.store.memory import Memory
from viscript.supervisor.api import AppEntry, DaemonFacts
from viscript.supervisor.catalogue import catalogue
from viscript.supervisor.keeper_link import KeeperLink
from viscript.supervisor.orders import log_folder, logged_name, newest_folder
from viscript.supervisor.takeback import TakeBack
from viscript.usage.sampler import Sampler
from viscript.verbs.core import builtin

log = logging.getLogger(__name__)

LAST_WORDS_SECONDS: Final = 0.1  # between the order to stop and the end, so that its answer gets out


class Daemon:
    """Everything one home needs, in one loop. Made and run once."""

    def __init__(self, home: Home, options: Options, file: str, environ: Mapping[str, str]) -> None:
        self._home = home
        self._options = options
        self._file = file
        self._environ = environ
        self._started_at = time.time()
        self._stopping = asyncio.Event()
        self.again = False  # whether to come up again in this very process
        self._ends = False  # for good: what our going removes is not to be made anew
        self._memory = Memory(Path(home.database))
        self._identity = load_or_create(Path(home.identity))
        self._home_id = self._identity.public_key.hex()[:16]
        self._tokens = Tokens(self._identity)
        self._surroundings = Surroundings(home, self._home_id, environ, self._tokens)
        self._table = builtin()
        self._bus = BusSide()
        self._places = Places(home.root, home.run, home.keeper)
        self._finder = Finder(self._places, home.keeper_log)
        self._catalogue: dict[str, AppEntry] | None = None
        self._events: EventLog
        self._plugins: PluginHost
        self._parts: Parts
        self._takeback: TakeBack
        self._link: KeeperLink
        self._world: World
        self._loaded: Loaded

    async def run(self) -> None:
        """Come up, serve until asked to stop, go down."""
        self._damaged = self._memory.open()
        try:
            async with self._running():
                tell_manager("READY=1")
                await self._stopping.wait()
                if not self.again:
                    tell_manager("STOPPING=1")
        finally:
            self._memory.close()

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            self._finder.start_ahead()  # it takes its time while the configuration is read
            stack.callback(self._finder.close)
            await self._open_events(stack)
            await self._open_plugins(stack)
            tasks = await stack.enter_async_context(Tasks())
            await self._wire(tasks)
            cluster = await open_cluster(self._world, self._memory, self._identity, tasks, self._parts.states)
            stack.callback(cluster.close)
            await self._open_bus(stack)
            await self._take_back(stack, tasks)
            share(self._world, folder=self._base(), environ=self._environ, run=tasks.run)
            tasks.run(self._world.usage.run())
            conductor = self._parts.conductor
            tasks.run(limiting(self._home, self._environ, conductor, self._link, self._events).run())
            stack.callback(self._world.usage.close)
            self._hear_signals(tasks)
            if self._damaged is not None:
                self._tell("store.damaged", file=str(self._damaged))
            tell_of_room(self._memory, self._events)
            self._tell("daemon.started", pid=os.getpid(), version=viscript.__version__)
            await begin_all(self._parts, self._apps(), self._takeback.resume)  # before the door opens
            await self._parts.follow(tasks.run)
            stack.callback(self._parts.scheduling.close)
            wishes = desiring(self._world, self._memory, self._parts, self._link, tasks.run)
            await stack.enter_async_context(wishes)
            garbage.resume()
            door = await stack.enter_async_context(Door(self._world, self._table, self._home.verbs_socket))
            await cluster.begin(door)
            tasks.run(self._stay_reachable())
            tasks.run(heap.give_back_for_ever())
            yield
            self._tell("daemon.stopping", pid=os.getpid())

    # -- coming up -------------------------------------------------------------------------

    async def _open_events(self, stack: contextlib.AsyncExitStack) -> None:
        kept, first = await self._memory.events()
        self._events = EventLog(host_name(), first_cursor=first)
        self._events.restore(iter(kept))
        self._keeping = EventKeeping(self._events, self._memory)
        stack.callback(self._keeping.close)

    async def _open_plugins(self, stack: contextlib.AsyncExitStack) -> None:
        read = read_draft(self._file, self._environ)
        self._plugins = PluginHost(
            read.plugins,
            Path(self._home.root, "plugins"),
            base=self._base(),
            core_spellings=self._table.spellings(),
            changed=self._plugins_changed,
        )
        await stack.enter_async_context(self._plugins)
        await self._plugins.load()
        self._loaded = finished(read, self._known_apps(read.plugins))
        logging.getLogger().setLevel(self._loaded.config.logging.level.upper())

    def _base(self) -> Path:
        return Path(self._file).parent if self._file else Path(self._home.root)

    def _known_apps(self, _plugins: Plugins) -> frozenset[str]:
        """The names under which plugins offer apps."""
        entries = self._plugins.apps().values()
        return frozenset(name for entry in entries for name in (entry.name, *entry.aliases))

    async def _wire(self, tasks: Tasks) -> None:
        self._link = KeeperLink(
            find=self._finder.find,
            epoch=await self._memory.next_epoch(),
            version=viscript.__version__,
            cursor=await self._memory.number("keeper_cursor"),
            keeper_argv=command(self._places),
        )
        given = Given(
            home=self._home,
            loaded=self._loaded,
            memory=self._memory,
            events=self._events,
            run=tasks.run,
            keeper=self._link,
            bus=self._bus,
            ask_shutdown=self._bus.ask_shutdown,
            surroundings=self._surroundings,
            apps=self._apps,
            plugin_apps=self._plugins.apps,
            activate=self._activate,
        )
        self._parts = wire(given)
        self._world = World(
            home=self._home,
            loaded=self._loaded,
            facts_of=self._facts,
            supervisor=self._parts.supervisor,
            usage=Sampler(lambda: leaders(self._parts.conductor), time.monotonic),
            events=self._events,
            table=self._table,
            plugins=self._plugins,
            stop=self.stop,
            known_apps=self._known_apps,
            audit=Audit(self._memory, self._identity),
            far=Far(lambda: self._world.links, tasks.run),
        )

    async def _open_bus(self, stack: contextlib.AsyncExitStack) -> None:
        host = choose(home_number(self._home.root), self._environ)
        belongs = membership(host.tag_of)
        doorkeeper = Doorkeeper(self._tokens, allow=self._bus.allow, forbid=self._bus.forbid)
        delegate = BusDelegate(
            self._parts.conductor,
            self._parts.checking,
            self._events,
            belongs=belongs,
            run_verb=lambda request: run_for_bus(request, self._table, self._world),
            externals=self._parts.externals,
            external_allowed=lambda: self._loaded.config.bus.external,
            users=lambda: users_of(self._apps().values()),
            tokens=self._tokens,
            doorkeeper=doorkeeper,
            locks=lambda: self._world.locks,
        )
        server = SignalServer(
            home_id=self._home_id,
            apps_endpoint=f"ipc://{self._home.apps_socket}",
            operator_endpoint=f"ipc://{self._home.bus_socket}",
            events_endpoint=f"ipc://{self._home.events_socket}",
            tcp=tcp_door(self._loaded.config.bus),
            identity=self._identity,
            delegate=delegate,
        )
        await stack.enter_async_context(server)
        self._bus.serve(server)
        self._surroundings.tcp_endpoint = server.tcp_endpoint
        self._parts.conductor.after_change.append(doorkeeper.look)
        notified = NotifyDoor(f"{self._home.apps}/notify.sock", self._notified)
        notified.open()
        stack.callback(notified.close)
        stack.callback(self._events.listen(self._bus.hear))
        stack.callback(self._events.listen(self._plugins.event))
        self._owner = owner(self._parts.conductor, host.tag_of)

    async def _take_back(self, stack: contextlib.AsyncExitStack, tasks: Tasks) -> None:
        conductor, supervisor = self._parts.conductor, self._parts.supervisor
        await supervisor.roll.remember()
        self._takeback = TakeBack(
            conductor,
            check=self._parts.checking.resume,
            wrote=supervisor.wrote,
            log_dir=lambda seq, name: log_folder(self._home.logs, seq, name),
            rebooted=await self._memory.new_boot(),
            find_app=lambda name: self._apps().get(name),
            name_of=lambda seq: logged_name(self._home.logs, seq),
            retell=self._parts.retell,
        )
        self._link.listener = self._takeback
        self._keeping.also = self._note_cursor
        self._link.superseded = self._superseded
        await self._link.connect()
        self._note_cursor()
        await self._memory.set_epoch(self._link.epoch)
        stack.callback(self._link.close)
        self._guard = Guard(self._link, self._options, self._file)
        self._guard.set()
        self._descriptors = Descriptors(conductor, self._link)
        stack.callback(self._descriptors.close)
        tasks.run(self._link.stay_connected(self._keeper_replaced))
        await self._link.ask("env", base=self._surroundings.base)
        supervisor.roll.count_from(max(await self._memory.next_seq(), newest_folder(self._home.logs) + 1))
        for managed in conductor.managed.values():
            self._descriptors.look(managed)

    def _keeper_replaced(self) -> None:
        self._descriptors.give_back()
        self._guard.set()
        self._parts.supervisor.watch_again()

    def _note_cursor(self) -> None:
        if self._link.cursor is not None:
            self._memory.note_value("keeper_cursor", str(self._link.cursor).encode())

    # -- serving ---------------------------------------------------------------------------

    def _apps(self) -> dict[str, AppEntry]:
        if self._catalogue is None:
            self._catalogue = catalogue(self._loaded, self._plugins.apps())
        return self._catalogue

    def _plugins_changed(self) -> None:
        self._plugins.install(self._table)
        self._catalogue = None

    async def _activate(self, loaded: Loaded) -> None:
        """The configuration is the active one from now on; plugins first, since they name apps too."""
        self._loaded = self._world.loaded = loaded
        self._file = loaded.file
        logging.getLogger().setLevel(loaded.config.logging.level.upper())
        await self._plugins.configure(loaded.config.plugins, self._base())
        self._catalogue = None
        self._tell("config.applied", file=loaded.file)

    def _facts(self) -> DaemonFacts:
        return DaemonFacts(
            pid=os.getpid(),
            keeper_pid=self._link.keeper_pid,
            home=self._home.root,
            config=self._loaded.file,
            version=viscript.__version__,
            started_at=self._started_at,
            host=host_name(),
            public_key=self._identity.public_key.hex(),
            label=self._label(),
            bus_key=self._identity.curve().public.hex(),
        )

    def _label(self) -> str:
        """What the cluster calls this host; without one, its own name."""
        book = self._world.book
        return book.me.label if book is not None and book.me is not None else host_name()

    def _notified(self, pid: int, fields: dict[str, str]) -> bool:
        """An app said something by sd_notify; who it is, the kernel says. False for one that is of no app."""
        managed = self._owner(pid)
        if managed is None:
            return False
        ready = managed.entry.spec.ready
        if fields.get("READY") == "1" and ready is not None and ready.notify:
            self._parts.checking.reported_ready(managed)
        return True

    def _tell(self, kind: str, **data: Any) -> None:
        self._events.tell(kind, "daemon", now=time.time(), **data)

    # -- going down ------------------------------------------------------------------------

    def _hear_signals(self, tasks: Tasks) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end_soon)
        reloading = Reloading(
            self._parts.supervisor,
            run=tasks.run,
            file=lambda: self._loaded.file,
            read=lambda file: read_file(file, self._environ, self._known_apps),
            refused=lambda reason: self._tell("config.refused", reason=reason),
        )
        loop.add_signal_handler(signal.SIGHUP, reloading.soon)

    def _end_soon(self) -> None:
        """We end on purpose: the keeper is not to start us again; with nothing to keep it ends too."""
        self._ends = True
        self._guard.clear()
        if not leaders(self._parts.conductor):
            self._link.dismiss()
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._stopping.set)

    def _superseded(self) -> None:
        """The keeper obeys a newer daemon: we were frozen, or cut off, for too long."""
        if not self._stopping.is_set():
            log.error("a newer daemon gives the orders in this home now; this one ends, the apps go on")
            self._ends = True
            self._stopping.set()

    async def _stay_reachable(self) -> None:
        """Without its sockets a daemon is nobody's: it comes up again and makes them anew; apps go on."""
        home = self._home
        paths = (home.verbs_socket, home.bus_socket, home.events_socket, home.apps_socket)
        lost = await until_lost(paths)
        if self._ends:
            return
        log.error("%s was removed: coming up again", lost)
        self.again = True
        self._stopping.set()

    async def stop(self, stop_all: bool) -> None:
        """End the daemon; the apps go on unless `stop_all`."""
        supervisor = self._parts.supervisor
        if stop_all:
            self._parts.scheduling.close()
            seqs = [instance.seq for instance in supervisor.instances()]
            for layer in supervisor.stop_layers(seqs):
                await asyncio.gather(*[supervisor.stop(seq) for seq in layer], return_exceptions=True)
        self._end_soon()
