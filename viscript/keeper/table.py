"""The life of one app in the keeper: state x event -> next state and actions. Pure.

    stopped/ended -launch-> spawning -spawned-> running
    running -crashed-> clearing -empty-> backoff -due-> spawning
    running -finished-> lingering -empty-> ended
    any that lives -stop-> asking -rung-> terming -rung-> killing -empty-> stopped

`spawning` is written down before the process is made, so that the next keeper looks for it.
`clearing` waits until nothing is left of a crashed tree before a successor comes; `lingering` is an app
that had done its work and left something running. Every pair is decided: it is in `TABLE`, or in `IGNORED`.
"""

from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """Where an app is."""

    STOPPED = "stopped"
    SPAWNING = "spawning"
    RUNNING = "running"
    CLEARING = "clearing"
    LINGERING = "lingering"
    BACKOFF = "backoff"
    ASKING = "asking"
    TERMING = "terming"
    KILLING = "killing"
    ENDED = "ended"


class Event(StrEnum):
    """What can happen to it."""

    LAUNCH = "launch"  # the daemon orders a run
    SPAWNED = "spawned"  # the process exists
    UNSPAWNED = "unspawned"  # it could not be made; the policy tries again
    UNSPAWNABLE = "unspawnable"  # it could not be made, and that is that
    CRASHED = "crashed"  # the leader ended; the policy starts another
    FINISHED = "finished"  # the leader ended; the policy starts none
    EMPTY = "empty"  # verified: nothing of the tree is left
    LEFT = "left"  # something of the tree is left without its leader
    DUE = "due"  # the pause is over, or a user ends it
    STOP = "stop"  # ask first, a signal later
    TERM = "term"  # the signal now
    KILL = "kill"  # no more asking
    RUNG = "rung"  # the deadline of this rung is over


class Action(StrEnum):
    """What the keeper carries out, in order."""

    SPAWN = "spawn"
    ANNOUNCE_SPAWN = "announce_spawn"
    LOOK = "look"  # find out whether the tree is empty
    ARM_PAUSE = "arm_pause"
    ANNOUNCE_EMPTY = "announce_empty"
    CLEAR_TREE = "clear_tree"  # what a crashed leader left makes room: signal, later kill
    ARM_ASK = "arm_ask"
    SIGNAL_TREE = "signal_tree"
    ARM_GRACE = "arm_grace"
    KILL_TREE = "kill_tree"
    ARM_RESCAN = "arm_rescan"
    DISARM = "disarm"
    ANNOUNCE_STOP = "announce_stop"
    SETTLE = "settle"  # last drain, close, forget the process


P, E, A = Phase, Event, Action
_TREE: Final = (P.RUNNING, P.CLEARING, P.LINGERING)
_STOPPING: Final = (P.ASKING, P.TERMING, P.KILLING)
_IDLE: Final = (P.STOPPED, P.ENDED)

TABLE: Final[dict[tuple[Phase, Event], tuple[Phase, tuple[Action, ...]]]] = {
    # A run begins.
    **{(p, E.LAUNCH): (P.SPAWNING, (A.SPAWN,)) for p in _IDLE},
    (P.BACKOFF, E.DUE): (P.SPAWNING, (A.DISARM, A.SPAWN)),
    (P.SPAWNING, E.SPAWNED): (P.RUNNING, (A.ANNOUNCE_SPAWN,)),
    (P.SPAWNING, E.UNSPAWNED): (P.BACKOFF, (A.ARM_PAUSE,)),
    (P.SPAWNING, E.UNSPAWNABLE): (P.ENDED, (A.SETTLE,)),
    # It ends by itself.
    (P.RUNNING, E.CRASHED): (P.CLEARING, (A.LOOK,)),
    (P.RUNNING, E.FINISHED): (P.LINGERING, (A.LOOK,)),
    (P.CLEARING, E.LEFT): (P.CLEARING, (A.CLEAR_TREE,)),
    (P.CLEARING, E.RUNG): (P.CLEARING, (A.KILL_TREE, A.ARM_RESCAN)),
    (P.CLEARING, E.EMPTY): (P.BACKOFF, (A.DISARM, A.ANNOUNCE_EMPTY, A.ARM_PAUSE)),
    (P.LINGERING, E.EMPTY): (P.ENDED, (A.ANNOUNCE_EMPTY, A.SETTLE)),
    # It is stopped, rung by rung.
    **{(p, E.STOP): (P.ASKING, (A.DISARM, A.ARM_ASK, A.LOOK)) for p in _TREE},
    **{(p, E.TERM): (P.TERMING, (A.DISARM, A.SIGNAL_TREE, A.ARM_GRACE)) for p in (*_TREE, P.ASKING)},
    **{
        (p, E.KILL): (P.KILLING, (A.DISARM, A.KILL_TREE, A.ARM_RESCAN)) for p in (*_TREE, P.ASKING, P.TERMING)
    },
    (P.ASKING, E.RUNG): (P.TERMING, (A.SIGNAL_TREE, A.ARM_GRACE)),
    (P.ASKING, E.LEFT): (P.TERMING, (A.DISARM, A.SIGNAL_TREE, A.ARM_GRACE)),
    (P.TERMING, E.RUNG): (P.KILLING, (A.KILL_TREE, A.ARM_RESCAN)),
    (P.KILLING, E.RUNG): (P.KILLING, (A.KILL_TREE, A.ARM_RESCAN)),
    **{(p, e): (p, (A.LOOK,)) for p in _STOPPING for e in (E.CRASHED, E.FINISHED)},
    **{(p, E.EMPTY): (P.STOPPED, (A.DISARM, A.SETTLE, A.ANNOUNCE_STOP)) for p in _STOPPING},
    # A pause is stopped at once.
    **{(P.BACKOFF, e): (P.STOPPED, (A.DISARM, A.SETTLE, A.ANNOUNCE_STOP)) for e in (E.STOP, E.TERM, E.KILL)},
}

_NO_RUN: Final = (E.SPAWNED, E.UNSPAWNED, E.UNSPAWNABLE)
_LATE: Final = (*_NO_RUN, E.CRASHED, E.FINISHED, E.EMPTY, E.LEFT, E.RUNG)

# Pairs that may come late or twice and change nothing. An order among them is answered by who gave it.
IGNORED: Final = frozenset(
    (phase, event)
    for phase, events in {
        P.STOPPED: (*_LATE, E.DUE, E.STOP, E.TERM, E.KILL),
        P.ENDED: (*_LATE, E.DUE, E.STOP, E.TERM, E.KILL),
        # Passed through within one turn: nothing else can come in between.
        P.SPAWNING: (
            *(E.LAUNCH, E.CRASHED, E.FINISHED, E.EMPTY, E.LEFT, E.DUE),
            *(E.STOP, E.TERM, E.KILL, E.RUNG),
        ),
        P.RUNNING: (*_NO_RUN, E.LAUNCH, E.EMPTY, E.LEFT, E.DUE, E.RUNG),
        P.CLEARING: (*_NO_RUN, E.LAUNCH, E.CRASHED, E.FINISHED, E.DUE),
        P.LINGERING: (*_NO_RUN, E.LAUNCH, E.CRASHED, E.FINISHED, E.LEFT, E.DUE, E.RUNG),
        P.BACKOFF: (*_LATE, E.LAUNCH),
        P.ASKING: (*_NO_RUN, E.LAUNCH, E.DUE, E.STOP),
        P.TERMING: (*_NO_RUN, E.LAUNCH, E.LEFT, E.DUE, E.STOP, E.TERM),
        P.KILLING: (*_NO_RUN, E.LAUNCH, E.LEFT, E.DUE, E.STOP, E.TERM, E.KILL),
    }.items()
    for event in events
)

ALIVE: Final = frozenset({P.RUNNING, P.CLEARING, P.LINGERING, *_STOPPING})
HAS_LEADER: Final = frozenset({P.RUNNING, *_STOPPING})
STOPPING: Final = frozenset(_STOPPING)
IDLE: Final = frozenset(_IDLE)
NOT_IDLE: Final = frozenset(Phase) - IDLE
