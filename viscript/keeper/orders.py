"""What the daemon may ask of the keeper, one method for each operation of the protocol."""

import os
import signal
from collections.abc import Callable
from typing import Any, Final, Protocol

import viscript
from viscript.keeper.instance import Instance, StopPlan
from viscript.keeper.journal import Journal
from viscript.keeper.life import Life
from viscript.keeper.loop import Loop
from viscript.keeper.policy import CONDEMNED, LAST
from viscript.keeper.protocol import Json, Refusal
from viscript.keeper.ring import Ring
from viscript.keeper.server import Connection, Operation, Reply, Server
from viscript.keeper.spec import fence_from, policy_from, seconds_from, spec_from
from viscript.keeper.streams import decoded
from viscript.keeper.table import IDLE, Phase

OPEN_TO_ALL: Final = frozenset({"hello", "ping", "stats"})


class Self(Protocol):
    """What concerns the keeper as a whole."""

    def guard(self, argv: tuple[str, ...] | None, pid: int | None) -> None:
        """Start the daemon again when it dies, or no more."""

    def upgrade(self, argv: tuple[str, ...] | None) -> None:
        """Become a newer version after this turn. Raises `Refusal`."""

    def shut_down(self, stop_all: bool) -> None:
        """Leave, with or without the apps."""

    def stats(self) -> Json:
        """Counters."""


class Orders:
    """Checks what a request says and has it carried out."""

    def __init__(
        self, *, loop: Loop, life: Life, journal: Journal, ring: Ring, server: Server, keeper: Self
    ) -> None:
        self._loop = loop
        self._life = life
        self._journal = journal
        self._ring = ring
        self._server = server
        self._keeper = keeper
        server.offer(self._operations(), OPEN_TO_ALL)

    def _operations(self) -> dict[str, Operation]:
        plain: dict[str, Callable[[Json], Json]] = {
            "ping": lambda request: {"epoch": self._journal.picture.epoch},
            "stats": lambda request: self._keeper.stats(),
            "env": self._env,
            "try": self._try,
            "launch": self._launch,
            "update": self._update,
            "reached": self._reached,
            "failed": self._failed,
            "hold": self._hold,
            "stop": self._stop,
            "kill": self._kill,
            "restart": self._restart,
            "retry": self._retry,
            "signal": self._signal,
            "forget": self._forget,
            "write": self._write,
            "resize": self._resize,
            "watch": self._watch,
            "guard": self._guard,
            "upgrade": self._upgrade,
            "shutdown": self._shutdown,
        }
        operations: dict[str, Operation] = {name: _plain(call) for name, call in plain.items()}
        operations |= {"hello": self._hello, "fds": self._fds, "give": self._give}
        return operations

    def _hello(self, connection: Connection, request: Json, fds: tuple[int, ...]) -> Reply:
        del fds
        epoch = _whole(request, "epoch")
        cursor = request.get("cursor")
        if epoch < self._journal.picture.epoch:
            raise Refusal("stale-epoch", "a newer daemon gives the orders now")
        if epoch > self._journal.picture.epoch:
            self._journal.write({"epoch": epoch})
        events, gap = self._ring.after(cursor if isinstance(cursor, int) else None)
        self._server.obey(connection, epoch)
        result = {
            "keeper_pid": os.getpid(),
            "version": viscript.__version__,
            "boot": self._journal.picture.world,
            "cursor": self._ring.next_cursor - 1,
            "gap": gap,
            "instances": [app.record() for app in self._life.apps.values()],
            "strays": [{"seq": seq, "pids": pids} for seq, pids in self._life.trees.left_of_strays().items()],
        }
        return Reply(result, then=tuple(events))

    def _env(self, request: Json) -> Json:
        base = request.get("base")
        if not isinstance(base, dict) or not all(isinstance(text, str) for text in base.values()):
            raise Refusal("bad-request", "base must be an object of texts")
        if base != self._life.base:
            self._life.base = base
            self._journal.write({"base": base})
        return {}

    def _try(self, request: Json) -> Json:
        wanted = spec_from(request.get("spec")).sockets
        trial = self._life.belongings.sockets.trial(_whole(request, "seq"), wanted)
        refused = [
            {"address": listen.address, "kind": listen.kind, "code": why.code, "text": why.text}
            for listen, why in trial
        ]
        return {"refused": refused}

    def _launch(self, request: Json) -> Json:
        seq, gen = _whole(request, "seq"), _whole(request, "gen")
        spec, policy = spec_from(request.get("spec")), policy_from(request.get("policy"))
        known = self._life.apps.get(seq)
        if known is not None and (known.phase not in IDLE or known.gen >= gen):
            raise Refusal("exists", f"{seq}.{known.gen} is {known.phase.value}")
        self._life.trees.refuse_second(seq)
        instance = Instance(seq, gen, str(request.get("name", seq)), spec, policy)
        if known is not None:
            instance.exits = known.exits
            self._life.drop(seq, hold=True)
        self._life.add(instance)
        try:
            self._life.launch(instance)
        except Refusal:
            self._life.drop(seq)
            raise
        return {"pid": instance.pid, "start": instance.start, "at": instance.began}

    def _update(self, request: Json) -> Json:
        instance = self._app(request)
        spec = spec_from(request["spec"]) if request.get("spec") is not None else instance.spec
        policy = policy_from(request["policy"]) if request.get("policy") is not None else instance.policy
        instance.spec, instance.policy = spec, policy
        if "name" in request:
            instance.name = str(request["name"])
        if instance.found and instance.phase not in IDLE:
            self._life.streams[instance.seq].reopen(spec)  # now it is known where its output goes
        instance.found = False
        self._life.streams[instance.seq].set_log(spec)
        self._life.belongings.hold(instance)
        self._life.save(instance)
        return {}

    def _reached(self, request: Json) -> Json:
        instance = self._app(request)
        if request.get("gen") == instance.gen and instance.pid is not None:
            instance.reached = True
            self._life.save(instance)
        return {}

    def _failed(self, request: Json) -> Json:
        instance = self._app(request)
        if request.get("gen") == instance.gen and instance.pid is not None:
            last = request.get("last") is True or instance.condemned == LAST
            instance.condemned = LAST if last else CONDEMNED
            self._life.save(instance)
        return {}

    def _hold(self, request: Json) -> Json:
        """This run has a lock of the cluster, and ends with the lease it has it under; or has none."""
        instance = self._app(request)
        if request.get("gen") != instance.gen or instance.pid is None:
            raise Refusal("not-running", f"{instance.seq}.{request.get('gen')} does not run")
        fence = None if request.get("fence") is None else fence_from(request["fence"])
        self._life.belongings.fences.admit(fence)
        instance.held = fence
        self._life.save(instance)
        return {}

    def _stop(self, request: Json) -> Json:
        instance = self._app(request)
        plan = self._plan(request)
        instance.relaunch = None
        return self._begin_stop(instance, plan)

    def _kill(self, request: Json) -> Json:
        instance = self._app(request)
        plan = self._plan({**request, "ask": 0, "grace": 0})
        instance.relaunch = None
        return self._begin_stop(instance, plan, kill=True)

    def _restart(self, request: Json) -> Json:
        instance = self._app(request)
        plan = self._plan(request)
        gen = _whole(request, "gen") if request.get("gen") is not None else instance.gen + 1
        if instance.phase in IDLE:
            instance.gen = gen
            instance.restarting = False
            self._life.launch(instance)
            return {"accepted": True, "phase": instance.phase.value}
        instance.relaunch = gen
        return self._begin_stop(instance, plan)

    def _begin_stop(self, instance: Instance, plan: StopPlan, *, kill: bool = False) -> Json:
        if instance.phase in IDLE:
            self._life.belongings.release(instance.seq)
            return {"accepted": False, "phase": instance.phase.value}
        self._life.stop(instance, plan, kill=kill)
        return {"accepted": True, "phase": instance.phase.value}

    def _plan(self, request: Json) -> StopPlan:
        plan = StopPlan(
            ask=seconds_from(request, "ask", 0.0),
            signum=_signal_number(request.get("signal", "TERM")),
            grace=seconds_from(request, "grace", 10.0),
            tree=request.get("tree", True) is not False,
            began=self._loop.now(),
        )
        plan.hold = request.get("hold") is True
        return plan

    def _retry(self, request: Json) -> Json:
        instance = self._app(request)
        if instance.phase is not Phase.BACKOFF:
            raise Refusal("not-waiting", f"{instance.seq} is {instance.phase.value}")
        self._life.due(instance)
        return {"phase": instance.phase.value, "gen": instance.gen, "pid": instance.pid}

    def _signal(self, request: Json) -> Json:
        instance = self._app(request)
        signum = _signal_number(request.get("signum"))
        if request.get("tree"):
            trees = self._life.trees
            if signum == signal.SIGKILL:
                self._life.belongings.groups.kill(instance.group)
            return {"sent": trees.signal_app(instance, signum)}
        if instance.pid is None:
            raise Refusal("not-running", f"{instance.seq} is {instance.phase.value}")
        try:
            sent = self._life.signal_leader(instance, signum)
        except PermissionError as exc:
            raise Refusal("not-permitted", f"cannot signal {instance.pid}: {exc.strerror}") from exc
        return {"sent": int(sent)}

    def _forget(self, request: Json) -> Json:
        instance = self._app(request)
        if instance.phase not in IDLE:
            raise Refusal("running", f"{instance.seq} is {instance.phase.value}")
        self._life.drop(instance.seq)
        folder = instance.spec.log.dir
        if request.get("logs") and folder is not None:
            _remove_logs(folder)
        return {}

    def _write(self, request: Json) -> Json:
        instance = self._app(request)
        return {"written": self._life.streams[instance.seq].write(decoded(request.get("data")))}

    def _resize(self, request: Json) -> Json:
        instance = self._app(request)
        cols, rows = _whole(request, "cols"), _whole(request, "rows")
        if not (0 < cols < 1 << 16 and 0 < rows < 1 << 16):
            raise Refusal("bad-request", "cols and rows must be from 1 to 65535")
        self._life.streams[instance.seq].resize(cols, rows)
        instance.spec = instance.spec._replace(cols=cols, rows=rows)
        return {}

    def _watch(self, request: Json) -> Json:
        instance = self._app(request)
        self._life.streams[instance.seq].watch(bool(request.get("on")))
        return {}

    def _fds(self, connection: Connection, request: Json, fds: tuple[int, ...]) -> Reply:
        del connection, fds
        held = self._life.streams[self._app(request).seq].held()
        return Reply({"names": list(held)}, tuple(os.dup(fd) for fd in held.values()))

    def _give(self, connection: Connection, request: Json, fds: tuple[int, ...]) -> Reply:
        del connection
        instance = self._app(request)
        if len(fds) != 1:
            raise Refusal("bad-request", "give one descriptor: the terminal's master")
        self._life.streams[instance.seq].take(fds[0])
        return Reply({}, took=True)

    def _guard(self, request: Json) -> Json:
        argv, pid = _argv(request), request.get("pid")
        self._keeper.guard(argv, pid if isinstance(pid, int) else None)
        return {}

    def _upgrade(self, request: Json) -> Json:
        self._keeper.upgrade(_argv(request))
        return {}

    def _shutdown(self, request: Json) -> Json:
        self._keeper.shut_down(request.get("stop_all") is True)
        return {}

    def _app(self, request: Json) -> Instance:
        instance = self._life.apps.get(_whole(request, "seq"))
        if instance is None:
            raise Refusal("unknown", f"there is no app {request.get('seq')}")
        return instance


def _plain(call: Callable[[Json], Json]) -> Operation:
    def operation(connection: Connection, request: Json, fds: tuple[int, ...]) -> Reply:
        del connection, fds
        return Reply(call(request))

    return operation


def _whole(request: Json, name: str) -> int:
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise Refusal("bad-request", f"{name} must be a whole number")
    return value


def _argv(request: Json) -> tuple[str, ...] | None:
    argv = request.get("argv")
    if argv is None:
        return None
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        raise Refusal("bad-request", "argv must be a list of texts")
    return tuple(argv)


def _signal_number(value: Any) -> int:  # JSON: a number or a name
    if isinstance(value, str):
        value = getattr(signal, f"SIG{value.upper().removeprefix('SIG')}", None)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < signal.NSIG:
        raise Refusal("bad-request", "that is no signal of this system")
    return int(value)


def _remove_logs(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
