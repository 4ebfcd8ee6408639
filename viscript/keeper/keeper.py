"""The keeper put together: one loop, one reaper, one door, all apps of one home."""

import _thread
import fcntl
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Final

from viscript.keeper import adopt, handover
from viscript.keeper.guard import Guard
from viscript.keeper.host import Host, choose, home_number
from viscript.keeper.instance import StopPlan
from viscript.keeper.journal import Journal
from viscript.keeper.life import Life
from viscript.keeper.loop import SIGNALS, Loop
from viscript.keeper.orders import Orders
from viscript.keeper.places import APP_NOFILE, Places
from viscript.keeper.policy import Exit
from viscript.keeper.protocol import Json, KeeperError, Refusal
from viscript.keeper.reap import Reaper
from viscript.keeper.ring import Ring
from viscript.keeper.server import Server
from viscript.keeper.spawn import Spawner, try_out
from viscript.keeper.table import IDLE, NOT_IDLE, STOPPING, Phase

_LAST_GRACE_S: Final = 10.0


class AlreadyRunningError(KeeperError):
    """Another keeper holds this home."""


class Keeper:
    """One home's keeper. `crash_at` is called between the steps of a spawn; tests end the process there."""

    def __init__(
        self,
        places: Places,
        environ: Mapping[str, str],
        *,
        argv: tuple[str, ...] = (),
        crash_at: Callable[[str], None] = lambda point: None,
    ) -> None:
        os.makedirs(places.fifos, 0o700, exist_ok=True)
        left = handover.find(places.state)
        self._places = places
        self._argv = argv
        self._lock = left.lock if left else _take_lock(places.lock)
        self._began = time.time()
        self._upgrade_to: tuple[str, ...] | None = None
        self._stays_for: frozenset[Phase] | None = None  # told to leave: once no app is in such a phase
        self.loop = Loop(fault)
        self._host: Host = choose(home_number(places.root), environ)
        self._host.become_parent_of_orphans()
        self._journal = Journal(places.journal)
        known_world, known_base = self._journal.picture.world, self._journal.picture.base
        self._groups = self._host.groups(self._journal.picture.groups)
        self._journal.write(
            {
                "life": self._journal.picture.life + 1,
                "world": self._host.identity(),
                "groups": self._groups.base,
            }
        )
        self._ring = Ring(self._journal.picture.life)
        self._spawner = Spawner(self._host, nofile=left.nofile if left else _nofile_for_apps(environ))
        self._reaper = Reaper(self._children_gone)
        self._life = Life(
            loop=self.loop,
            host=self._host,
            journal=self._journal,
            spawner=self._spawner,
            tell=self._tell,
            folder=places.fifos,
            groups=self._groups,
            keeper=os.getpid(),
            base=known_base or environ,
            crash_at=crash_at,
        )
        self._guard = Guard(self.loop, self._host, self._life.trees.orphans, self._daemon_started)
        self._server: Server | None = None
        self._managed = environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())
        self._left, self._known_world = left, known_world
        self._wire()

    def _wire(self) -> None:
        """Open the door; who knocks waits until what runs was taken over."""
        if self._left is not None:
            self._ring.restore(self._left.events, self._left.next_cursor)
        self.loop.read(self._reaper.fileno(), self._reaper.ready, SIGNALS)
        self._server = server = Server(self._places.socket, self.loop, fault)
        for ender in (server.serve, self._life.trees.turn, server.flush, self._maybe_leave):
            self.loop.at_turn_end(ender)
        Orders(
            loop=self.loop,
            life=self._life,
            journal=self._journal,
            ring=self._ring,
            server=server,
            keeper=self,
        )

    def _take_over(self) -> None:
        left, known_world = self._left, self._known_world
        instances = adopt.restore(self._journal, self._life, self._places.fifos, self.loop.now(), fault)
        if not instances:
            return
        if known_world and known_world != self._host.identity():
            adopt.end_all(instances, self._life, self._tell)
            return
        adopt.adopt_all(instances, self._life, self._host, os.getpid(), self._tell)
        for seq, master in left.masters.items() if left else ():
            self._life.streams[seq].take(master)
        for seq, address, kind, fd in left.sockets if left else ():
            self._life.belongings.sockets.take(seq, address, kind, fd)
            if self._life.apps[seq].phase in IDLE:
                self._life.belongings.release(seq)  # it waited for a launch that starts anew
        self._reaper.reap()
        if left is not None and left.guard_argv is not None:
            self._guard.set(tuple(left.guard_argv), left.guard_pid)

    def run(self) -> None:
        """Serve until told to leave, in a second thread: orphans go to the first one (see `orphans`)."""
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, frame: self._leave())
        done = _thread.allocate_lock()
        done.acquire()
        _thread.start_new_thread(self._serve, (done,))
        done.acquire()  # signal handlers run while it waits
        self._reaper.close()

    def _leave(self) -> None:
        """SIGTERM: apps live on, but under a service manager, which would kill what we leave."""
        say("told to leave by SIGTERM")
        if self._managed:
            self.loop.after(0, lambda: self.shut_down(True))
        else:
            self.loop.stop()
        self._reaper.wake()

    def _serve(self, done: _thread.LockType) -> None:
        try:
            self._take_over()
            self.loop.run()
            self._close()
        except BaseException as exc:  # what ends the keeper is told, whatever it is
            fault(exc)
            raise
        finally:
            done.release()

    def _close(self) -> None:
        if self._server is not None:
            self._server.flush()
            self._server.close()
        self._life.belongings.close()
        self._journal.close()
        self.loop.close()

    def guard(self, argv: tuple[str, ...] | None, pid: int | None) -> None:
        """Start the daemon again when it dies, or no more."""
        self._guard.set(argv, pid)

    def upgrade(self, argv: tuple[str, ...] | None) -> None:
        """Become a newer version after this turn. Raises `Refusal` when that version does not even load."""
        argv = argv or self._argv
        if not argv:
            raise Refusal("bad-request", "name the command to become")
        try_out(argv)
        self._upgrade_to = argv

    def shut_down(self, stop_all: bool) -> None:
        """Leave, with or without the apps."""
        self._guard.stop()
        self._stays_for = NOT_IDLE if stop_all else STOPPING  # a stop that has begun is carried out
        if not stop_all:
            return
        for instance in self._life.apps.values():
            if instance.phase not in IDLE:
                plan = StopPlan(
                    ask=0.0, signum=signal.SIGTERM, grace=_LAST_GRACE_S, tree=True, began=self.loop.now()
                )
                instance.relaunch = None
                self._life.stop(instance, plan)

    def stats(self) -> Json:
        """Counters."""
        counted = [streams.counters() for streams in self._life.streams.values()]
        apps = self._life.apps.values()
        return {
            "pid": os.getpid(),
            "host": self._host.name,
            "groups": self._groups.base,
            "groups_for_all": self._groups.for_all,
            "groups_fault": self._groups.fault,
            "since": self._began,
            "instances": len(apps),
            "running": sum(app.pid is not None for app in apps),
            "restarts": self._life.restarts,
            "drained_bytes": sum(drained for drained, _ in counted),
            "lost_bytes": sum(lost for _, lost in counted),
            "rss_bytes": _rss_bytes(),
            "fds": len(os.listdir("/dev/fd")),
            "journal_error": str(self._journal.failed) if self._journal.failed else None,
        }

    def _maybe_leave(self) -> bool:
        """At the end of a turn: all is answered, nothing is half done."""
        if self._upgrade_to is not None:
            self._become(self._upgrade_to)
        elif self._stays_for is not None and not any(
            app.phase in self._stays_for for app in self._life.apps.values()
        ):
            self.loop.stop()
        return False

    def _become(self, argv: tuple[str, ...]) -> None:
        self._upgrade_to = None
        masters = {seq: streams.held().get("master") for seq, streams in self._life.streams.items()}
        left = handover.Handover(
            lock=self._lock,
            nofile=self._spawner.nofile,
            next_cursor=self._ring.next_cursor,
            events=self._ring.dump(),
            masters={seq: fd for seq, fd in masters.items() if fd is not None},
            guard_argv=list(self._guard.argv) if self._guard.argv else None,
            guard_pid=self._guard.pid,
            sockets=tuple(self._life.belongings.sockets.held()),
        )
        handover.leave(self._places.state, left)
        try:
            os.execv(argv[0], argv)
        except OSError as exc:
            fault(exc)
            handover.take_back(self._places.state, left)

    def _children_gone(self, gone: list[tuple[int, Exit]]) -> None:
        self._life.leaders.children_gone(gone)
        for pid, _ in gone:
            self._guard.child_gone(pid)

    def _daemon_started(self, pid: int) -> None:
        self._tell("daemon_restarted", {"pid": pid})

    def _tell(self, kind: str, fields: Json) -> None:
        event = self._ring.add(kind, time.time(), fields)
        if self._server is not None:
            self._server.tell(event)


def fault(exc: BaseException) -> None:
    """Write an unexpected exception to the keeper's log."""
    say("unexpected fault")
    traceback.print_exception(exc, file=sys.stderr)
    sys.stderr.flush()


def say(text: str) -> None:
    """Write a line to the keeper's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} keeper: {text}\n")
    sys.stderr.flush()


def _take_lock(path: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(fd)
        raise AlreadyRunningError(f"another keeper holds {path}") from exc
    return fd


def _rss_bytes() -> int | None:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _nofile_for_apps(environ: Mapping[str, str]) -> int | None:
    """The soft limit of open files that apps get, from a starter that raised its own; None: what we have."""
    given = environ.get(APP_NOFILE, "")
    return int(given) if given.isascii() and given.isdigit() else None
