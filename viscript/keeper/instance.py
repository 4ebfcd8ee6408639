"""What the keeper knows of one app, and the forms in which it is journalled and told."""

import signal
from typing import Any, Final, NamedTuple

from viscript.keeper.fence import Fence
from viscript.keeper.loop import Timer
from viscript.keeper.policy import Exit, History
from viscript.keeper.protocol import Json
from viscript.keeper.spec import Policy, Spec, fence_from, policy_from, spec_from
from viscript.keeper.table import Phase

EXITS_KEPT: Final = 5


class StopPlan:
    """How far a stop has come."""

    __slots__ = ("ask", "began", "grace", "hold", "rung", "signalled", "signum", "tree")

    def __init__(self, *, ask: float, signum: int, grace: float, tree: bool, began: float) -> None:
        self.ask = ask
        self.signum = signum
        self.grace = grace
        self.tree = tree
        self.began = began
        self.rung = "none"
        self.hold = False  # sockets stay open: a launch is to follow
        self.signalled: set[tuple[int, int]] = set()


class Ended(NamedTuple):
    """One end of a run, kept for a daemon that was away."""

    gen: int
    at: float
    exit: Exit
    runtime: float | None


class Instance:
    """One app: what was ordered, what runs, what happened."""

    # A thousand of them: so many fields no longer share their keys, and cost 2 KiB each without this.
    __slots__ = (
        "began",
        "began_mono",
        "condemned",
        "delay",
        "empties",
        "exits",
        "found",
        "gen",
        "group",
        "held",
        "history",
        "leftovers",
        "look_timer",
        "name",
        "ours",
        "ousted",
        "phase",
        "pid",
        "plan",
        "policy",
        "reached",
        "relaunch",
        "rescan",
        "restarting",
        "restarts",
        "retry_at",
        "saves",
        "seq",
        "session",
        "spec",
        "start",
        "timer",
        "watcher",
    )

    def __init__(self, seq: int, gen: int, name: str, spec: Spec, policy: Policy) -> None:
        self.seq = seq
        self.gen = gen
        self.name = name
        self.spec = spec
        self.policy = policy
        self.phase = Phase.STOPPED
        self.pid: int | None = None  # the leader, while it lives
        self.start: int | None = None
        self.session: int | None = None  # of the newest run, also after its leader
        self.group: str | None = None  # the folder of its cgroup, while it has one
        self.began: float | None = None  # wall clock of the newest spawn
        self.began_mono: float | None = None  # None: this keeper did not see it begin
        self.reached = False
        self.condemned = ""  # this run fails, whatever its code: see `policy.decide`
        self.retry_at: float | None = None  # wall clock
        self.restarts = 0
        self.history = History()
        self.exits: tuple[Ended, ...] = ()
        self.plan: StopPlan | None = None
        self.relaunch: int | None = None  # the generation to start when the stop is done
        self.delay = 0.0  # what the newest verdict asks for
        self.ours = True  # spawned by this very process
        self.held: Fence | None = None  # of a lock that this run has
        self.ousted = False  # ended for its lease, which was not kept
        self.found = False  # without the journal; what more there is to know, the daemon has yet to say
        self.restarting = False  # the next spawn is not the first
        self.leftovers = 0  # announced, and not yet announced as gone
        self.empties = 0  # scans in a row that found nothing
        self.rescan = 0.0  # the newest pause between two kills
        self.watcher = -1  # a pidfd, when the leader is not our child
        self.timer: Timer | None = None  # the pause or the rung
        self.look_timer: Timer | None = None
        self.saves = 0  # how often it was journalled

    def ended(self, end: Exit, at: float, runtime: float | None) -> None:
        """Remember how the newest run ended."""
        self.exits = (*self.exits, Ended(self.gen, at, end, runtime))[-EXITS_KEPT:]
        self.pid = self.start = None

    def unsaved(self, known: Json) -> Json:
        """The fields that are not `known` to the journal yet; spec and policy as they are."""
        fields = self._journalled()
        return {name: value for name, value in fields.items() if known.get(name, _MISSING) != value}

    def record(self) -> Json:
        """What `hello` tells of it. No environment: it may hold secrets."""
        return {
            "seq": self.seq,
            "gen": self.gen,
            "name": self.name,
            "phase": self.phase.value,
            "pid": self.pid,
            "start": self.start,
            "at": self.began,
            "reached": self.reached,
            "retry_at": self.retry_at,
            "restarts": self.restarts,
            "leftovers": self.leftovers,
            "tty": self.spec.tty,
            "found": self.found,
            "ousted": self.ousted,
            "fence": self.spec.fence and self.spec.fence._asdict(),
            "exits": [_exit_json(end) for end in self.exits],
        }

    def _journalled(self) -> Json:
        plan = self.plan
        return {
            "gen": self.gen,
            "name": self.name,
            "spec": self.spec,
            "policy": self.policy,
            "phase": self.phase.value,
            "pid": self.pid,
            "start": self.start,
            "session": self.session,
            "group": self.group,
            "began": self.began,
            "reached": self.reached,
            "condemned": self.condemned,
            "found": self.found,
            "ousted": self.ousted,
            "held": self.held and self.held._asdict(),
            "retry_at": self.retry_at,
            "restarts": self.restarts,
            "streak": self.history.streak,
            "delayed": self.history.delayed,
            "relaunch": self.relaunch,
            "exits": [_exit_json(end) for end in self.exits],
            "stop": plan
            and {"signum": plan.signum, "grace": plan.grace, "tree": plan.tree, "rung": plan.rung},
        }


def instance_from(seq: int, fields: Json, now: float) -> Instance:
    """The app as an earlier keeper journalled it; `fields` shares spec and policy with it from then on.

    Raises `Refusal`, KeyError, ValueError or TypeError.
    """
    instance = Instance(
        seq,
        int(fields["gen"]),
        str(fields["name"]),
        spec_from(fields["spec"]),
        policy_from(fields["policy"]),
    )
    instance.phase = Phase(fields["phase"])
    instance.ours = False
    instance.restarting = True
    for name in ("pid", "start", "session", "group", "began", "reached", "retry_at", "restarts", "relaunch"):
        setattr(instance, name, fields.get(name))
    instance.restarts = instance.restarts or 0
    instance.condemned = str(fields.get("condemned") or "")
    instance.found = bool(fields.get("found"))
    instance.ousted = bool(fields.get("ousted"))
    instance.held = fence_from(fields["held"]) if fields.get("held") else None
    instance.history = History((), int(fields.get("streak") or 0), int(fields.get("delayed") or 0))
    instance.exits = tuple(_exit_from(row) for row in fields.get("exits") or ())
    stop = fields.get("stop")
    if stop:
        instance.plan = StopPlan(
            ask=0.0,
            signum=int(stop.get("signum", signal.SIGTERM)),
            grace=float(stop.get("grace", 10.0)),
            tree=bool(stop.get("tree", True)),
            began=now,
        )
        instance.plan.rung = str(stop.get("rung", "none"))
    fields.update(instance.unsaved(fields))  # the journal has all of it
    return instance


def _exit_json(end: Ended) -> Json:
    return {
        "gen": end.gen,
        "at": end.at,
        "code": end.exit.code,
        "signal": end.exit.signal,
        "core": end.exit.core,
        "runtime": end.runtime,
    }


def _exit_from(row: Json) -> Ended:
    end = Exit(row.get("code"), row.get("signal"), bool(row.get("core")))
    return Ended(int(row["gen"]), float(row["at"]), end, row.get("runtime"))


_MISSING: Final[Any] = object()  # unlike every JSON value
