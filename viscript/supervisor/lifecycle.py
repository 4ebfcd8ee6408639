"""The life of an instance as a table: phase x trigger -> next phase and actions. Pure.

The keeper owns the process (spawn, exit, restart by policy, the rungs of a stop) and reports
facts; this table turns the facts into what users see. A phase is finer than the state word:
`cycling` is a stop that starts again, shown as `stopping`. Every pair is decided: it is in
`TABLE`, or in `IGNORED` because it may happen late or twice and changes nothing.

    stopped -start-> waiting -deps_met-> starting -started-> running -passed-> ready
    starting/running/ready -retrying-> backoff -spawned-> starting
    starting/running/ready -succeeded-> done, -failed-> fatal
    any that lives -stop-> stopping -gone-> stopped
"""

from enum import StrEnum
from itertools import product
from typing import Final

from viscript.states import State


class Phase(StrEnum):
    """Where an instance is."""

    STOPPED = "stopped"
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    READY = "ready"
    STOPPING = "stopping"
    CYCLING = "cycling"
    BACKOFF = "backoff"
    FATAL = "fatal"
    DONE = "done"


class Trigger(StrEnum):
    """What can happen to it."""

    START = "start"  # a user, a dependency or autostart asks
    DEPS_MET = "deps_met"  # all it needs is there
    DEPS_FAILED = "deps_failed"  # something it needs cannot come
    SPAWNED = "spawned"  # the keeper runs a new process
    REFUSED = "refused"  # it cannot be spawned: path missing, no permission
    STARTED = "started"  # registered, or lived through settle
    PASSED = "passed"  # the declared check holds
    UNREADY = "unready"  # the declared check holds no more
    UNHEALTHY = "unhealthy"  # the health check failed too often
    LIMITED = "limited"  # it was over a limit that ends a run
    OUSTED = "ousted"  # it may run on one host only, and the lease of this one was not kept
    TIMEOUT = "timeout"  # start_timeout is over
    RETRYING = "retrying"  # exited; the keeper starts it again after a delay
    SUCCEEDED = "succeeded"  # exited with success, by itself
    FAILED = "failed"  # exited, and the policy gives up
    STOP = "stop"  # a user asks
    RESTART = "restart"  # a user or `apply` asks: stop, then start
    GONE = "gone"  # the keeper verified that the tree is empty
    CLEAR = "clear"  # a user forgets the failure
    LOST = "lost"  # the host restarted, or the process is no more and nobody saw its end


class Action(StrEnum):
    """What the supervisor carries out, in order."""

    RESOLVE_DEPS = "resolve_deps"  # start what it needs, watch it
    LAUNCH = "launch"  # tell the keeper
    ARM_START = "arm_start"  # start deadline, settle, checks
    DISARM = "disarm"  # cancel deadlines and checks
    LADDER = "ladder"  # ask on the bus, then the keeper's rungs
    ABORT = "abort"  # a start that took too long, ill health, a limit: TERM, then KILL; the policy decides
    RETRY = "retry"  # end the keeper's pause at once
    DISCARD = "discard"  # the keeper drops what is left of a pause
    KEEP_CHECKING = "keep_checking"  # health and readiness from now on


P, T, A = Phase, Trigger, Action

MEANING: Final[dict[Trigger, str]] = {
    T.START: "a user, a dependency or autostart asks for it",
    T.DEPS_MET: "all it needs is there",
    T.DEPS_FAILED: "something it needs cannot come",
    T.SPAWNED: "the keeper runs a new process",
    T.REFUSED: "it cannot be spawned: the program is missing, there is no permission",
    T.STARTED: "it registered on the bus, or lived through `settle`",
    T.PASSED: "its `ready` check holds",
    T.UNREADY: "its `ready` check holds no more",
    T.UNHEALTHY: "its `health` check failed too often; the run is ended",
    T.LIMITED: "it was over one of its `limits`, and the run is ended for it",
    T.OUSTED: "it may run on one host only, and the lease of this host was not kept; the keeper ends it",
    T.TIMEOUT: "`start_timeout` is over; the run is ended",
    T.RETRYING: "it ended, and the keeper starts it again after a pause",
    T.SUCCEEDED: "it ended by itself, with success",
    T.FAILED: "it ended, and is not started again",
    T.STOP: "a user asks it to stop",
    T.RESTART: "a user or `apply` asks it to stop and to start",
    T.GONE: "nothing of its process tree is left",
    T.CLEAR: "a user asks to forget the failure",
    T.LOST: "the host restarted, or its process is gone and nobody saw its end",
}
_ALIVE: Final = (P.STARTING, P.RUNNING, P.READY)

TABLE: Final[dict[tuple[Phase, Trigger], tuple[Phase, tuple[Action, ...]]]] = {
    # Being asked to start.
    (P.STOPPED, T.START): (P.WAITING, (A.RESOLVE_DEPS,)),
    (P.FATAL, T.START): (P.WAITING, (A.RESOLVE_DEPS,)),
    (P.DONE, T.START): (P.WAITING, (A.RESOLVE_DEPS,)),
    (P.BACKOFF, T.START): (P.BACKOFF, (A.RETRY,)),
    (P.STOPPING, T.START): (P.CYCLING, ()),
    (P.WAITING, T.DEPS_MET): (P.STARTING, (A.LAUNCH,)),
    (P.WAITING, T.DEPS_FAILED): (P.FATAL, (A.DISARM,)),
    # Being asked to start again.
    (P.STOPPED, T.RESTART): (P.WAITING, (A.RESOLVE_DEPS,)),
    (P.FATAL, T.RESTART): (P.WAITING, (A.RESOLVE_DEPS,)),
    (P.DONE, T.RESTART): (P.WAITING, (A.RESOLVE_DEPS,)),
    (P.BACKOFF, T.RESTART): (P.BACKOFF, (A.RETRY,)),
    (P.STOPPING, T.RESTART): (P.CYCLING, ()),
    **{(p, T.RESTART): (P.CYCLING, (A.DISARM, A.LADDER)) for p in _ALIVE},
    # The process comes up.
    (P.STARTING, T.SPAWNED): (P.STARTING, (A.ARM_START,)),
    (P.BACKOFF, T.SPAWNED): (P.STARTING, (A.ARM_START,)),
    (P.RUNNING, T.SPAWNED): (P.STARTING, (A.ARM_START,)),
    (P.READY, T.SPAWNED): (P.STARTING, (A.ARM_START,)),
    (P.STARTING, T.REFUSED): (P.FATAL, (A.DISARM,)),
    (P.BACKOFF, T.REFUSED): (P.FATAL, (A.DISARM,)),
    (P.STARTING, T.STARTED): (P.RUNNING, (A.KEEP_CHECKING,)),
    (P.STARTING, T.PASSED): (P.READY, (A.KEEP_CHECKING,)),
    (P.RUNNING, T.PASSED): (P.READY, ()),
    (P.READY, T.UNREADY): (P.RUNNING, ()),
    (P.STARTING, T.TIMEOUT): (P.STARTING, (A.DISARM, A.ABORT)),
    (P.RUNNING, T.UNHEALTHY): (P.RUNNING, (A.DISARM, A.ABORT)),
    (P.READY, T.UNHEALTHY): (P.READY, (A.DISARM, A.ABORT)),
    **{(p, T.LIMITED): (p, (A.DISARM, A.ABORT)) for p in _ALIVE},
    # The process ends by itself.
    **{(p, T.RETRYING): (P.BACKOFF, (A.DISARM,)) for p in (*_ALIVE, P.BACKOFF)},
    **{(p, T.SUCCEEDED): (P.DONE, (A.DISARM,)) for p in (*_ALIVE, P.BACKOFF)},
    **{(p, T.FAILED): (P.FATAL, (A.DISARM,)) for p in (*_ALIVE, P.BACKOFF)},
    # Being asked to stop.
    (P.WAITING, T.STOP): (P.STOPPED, (A.DISARM,)),
    (P.BACKOFF, T.STOP): (P.STOPPED, (A.DISARM, A.DISCARD)),
    (P.FATAL, T.STOP): (P.STOPPED, ()),
    (P.CYCLING, T.STOP): (P.STOPPING, ()),
    **{(p, T.STOP): (P.STOPPING, (A.DISARM, A.LADDER)) for p in _ALIVE},
    # Being ended by the keeper.
    **{(p, T.OUSTED): (P.STOPPING, (A.DISARM,)) for p in (*_ALIVE, P.BACKOFF)},
    # The tree is empty.
    (P.STOPPING, T.GONE): (P.STOPPED, ()),
    (P.CYCLING, T.GONE): (P.WAITING, (A.RESOLVE_DEPS,)),
    # Failures are forgotten.
    (P.FATAL, T.CLEAR): (P.STOPPED, ()),
    (P.BACKOFF, T.CLEAR): (P.BACKOFF, (A.RETRY,)),
    # Nobody saw the end.
    **{(p, T.LOST): (P.STOPPED, (A.DISARM,)) for p in (*_ALIVE, P.STOPPING, P.BACKOFF, P.WAITING)},
    (P.CYCLING, T.LOST): (P.WAITING, (A.RESOLVE_DEPS,)),
}

_CHECKED: Final = (T.STARTED, T.PASSED, T.UNREADY, T.UNHEALTHY, T.LIMITED, T.TIMEOUT)
_FACTS: Final = (T.SPAWNED, *_CHECKED, T.RETRYING, T.SUCCEEDED, T.FAILED)
_ENDED: Final = (P.STOPPED, P.FATAL, P.DONE)

# Pairs that may happen and change nothing: late timers, repeated orders, facts overtaken by an order.
IGNORED: Final[frozenset[tuple[Phase, Trigger]]] = frozenset(
    {
        # Orders that are already obeyed.
        *product((P.WAITING, *_ALIVE, P.CYCLING), (T.START,)),
        *product((P.WAITING, P.CYCLING), (T.RESTART,)),
        *product((P.STOPPED, P.DONE, P.STOPPING), (T.STOP,)),
        *product((P.STOPPED, P.DONE, P.WAITING, *_ALIVE, P.STOPPING, P.CYCLING), (T.CLEAR,)),
        # Facts about a process that is being stopped, or has been: the stop decides.
        *product((P.STOPPING, P.CYCLING, *_ENDED, P.WAITING), (*_FACTS, T.REFUSED)),
        *product((P.RUNNING, P.READY), (T.REFUSED, T.STARTED, T.TIMEOUT)),
        (P.READY, T.PASSED),
        *product((P.STARTING, P.RUNNING), (T.UNREADY,)),
        (P.STARTING, T.UNHEALTHY),
        *product((P.BACKOFF,), _CHECKED),
        # The tree of something that already ended by itself.
        *product((*_ENDED, P.WAITING, *_ALIVE, P.BACKOFF), (T.GONE,)),
        # A lease that was not kept does not concern what ends or does not run.
        *product((*_ENDED, P.WAITING, P.STOPPING, P.CYCLING), (T.OUSTED,)),
        # Dependencies speak to those who wait.
        *product([p for p in P if p is not P.WAITING], (T.DEPS_MET, T.DEPS_FAILED)),
        *product(_ENDED, (T.LOST,)),
    }
)

WORDS: Final[dict[Phase, State]] = {
    phase: State.STOPPING if phase is P.CYCLING else State(phase.value) for phase in Phase
}


def step(phase: Phase, trigger: Trigger) -> tuple[Phase, tuple[Action, ...]]:
    """The next phase and what to do; the same phase and nothing for an ignored pair."""
    return TABLE.get((phase, trigger), (phase, ()))


def decided(phase: Phase, trigger: Trigger) -> bool:
    """Whether the pair changes anything."""
    return (phase, trigger) in TABLE


def page() -> str:
    """docs/reference/lifecycle.md: the states in words, the diagram, and what a trigger means."""
    lines = [
        "# The life of an app",
        "",
        "Generated by `python -P -m viscript.reference docs/reference`; do not edit.",
        "",
        "A state is one of the words below. `cycling` is a stop that is followed by a start; users see",
        "`stopping`. A pair of state and trigger that is not in the diagram changes nothing.",
        "",
        "```mermaid",
        diagram().rstrip("\n"),
        "```",
        "",
        "| trigger | when |",
        "|---|---|",
        *[f"| `{trigger}` | {words} |" for trigger, words in MEANING.items()],
    ]
    return "\n".join(lines) + "\n"


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2"]
    for (phase, trigger), (target, _) in TABLE.items():
        lines.append(f"    {phase} --> {target}: {trigger}")
    return "\n".join(lines) + "\n"
