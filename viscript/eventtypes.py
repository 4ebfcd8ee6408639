"""Every type of event: when it is told, and what its data holds. docs/reference/events.md is made of this.

Anybody may listen to events for years, so a type is never given another meaning and a field never
taken away; both may be added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from viscript.states import State


@dataclass(frozen=True)
class EventType:
    """One type: a sentence that says when it is told, and its data fields with what they mean."""

    told: str
    fields: dict[str, str]


_RUN: Final = {
    "name": "the instance's name",
    "generation": "which launch of it; grows with every start",
    "pid": "its process; null while it has none",
}
_ADOPTED: Final = {"adopted": "true when a daemon or keeper that was just started found it so (optional)"}
_EXIT: Final = "how the process ended: an object with `code` and `signal`, both null when nobody saw it"
_DUE: Final = {
    "name": "the instance's name",
    "due": "when it was due, seconds since the epoch",
    "next_run": "when the next one is; null when there is none",
}
_SERVICE: Final = {
    "name": "the service's name",
    "type": "its kind, such as socks5",
    "address": "where it is reached",
    "seq": "the id of the app that offers it",
    "generation": "the launch that offers it",
    "expires_s": "after how many seconds it is withdrawn by itself (optional)",
    "meta": "what the app says of it besides (optional)",
}

_WORDS: Final[dict[State, str]] = {
    State.WAITING: "It is to run, and what it needs is looked for.",
    State.STARTING: "Its process is there, and it has not come up yet.",
    State.RUNNING: "It has come up: it registered, or lived through `settle`; or it is not ready any more.",
    State.READY: "Its `ready` check holds.",
    State.STOPPING: "Somebody asked it to stop, or to restart.",
    State.STOPPED: "It was stopped, and nothing of its process tree is left.",
    State.BACKOFF: "It ended and is started again after a pause.",
    State.FATAL: "It ended and is not started again, or it cannot be started at all.",
    State.DONE: "It ended by itself, with success.",
}
_MORE: Final[dict[State, dict[str, str]]] = {
    State.WAITING: {"exit": f"{_EXIT}, of the stop before a restart (optional)"},
    State.BACKOFF: {"delay": "seconds until it is started again (optional)", "exit": f"{_EXIT} (optional)"},
    State.FATAL: {"exit": f"{_EXIT} (optional)"},
    State.DONE: {"exit": f"{_EXIT} (optional)"},
    State.STOPPED: {"exit": f"{_EXIT} (optional)"},
}

_HOST: Final = {"label": "what it is called", "public_key": "its key, in hexadecimal"}

_CLUSTER: Final = {
    "public_key": "the cluster's key, in hexadecimal",
    "label": "what it calls itself",
    "name": "what it is called here; empty when it has no name",
}

_SEEN_HOST: Final = {
    **_HOST,
    "age_seconds": "how long ago it was heard; null when it never was",
    "version": "the version it runs, empty when it never said so",
    "path": "`direct`, `relay` or `none`",
}

EVENT_TYPES: Final[dict[str, EventType]] = {
    "host.up": EventType("Another host is heard, for the first time or again.", _SEEN_HOST),
    "host.suspect": EventType("Nothing was heard of another host for some seconds.", _SEEN_HOST),
    "host.down": EventType("Nothing was heard of another host for 15 s; streams to it end.", _SEEN_HOST),
    "host.paused": EventType("Another host is up, and takes no new work by order.", _SEEN_HOST),
    "host.joined": EventType("Another host became a member of the cluster.", _HOST),
    "host.gone": EventType("Another host was put out of the cluster.", _HOST),
    "peer.proposed": EventType("Another cluster says what it would share, and asks for consent.", _CLUSTER),
    "peer.accepted": EventType("This cluster and another are peers: both have said yes.", _CLUSTER),
    "peer.refused": EventType("Another cluster said no to a proposal.", _CLUSTER),
    "peer.ended": EventType("Another cluster is no peer any more, in neither direction.", _CLUSTER),
    **{
        f"app.{state}": EventType(told, {**_RUN, **_MORE.get(state, {}), **_ADOPTED})
        for state, told in _WORDS.items()
    },
    "app.exited": EventType(
        "A process of it ended, whatever follows; told once for every run, also for one that ended"
        " while no daemon watched.",
        {
            **_RUN,
            "exit": _EXIT,
            "runtime": "seconds it ran; null when unknown",
            "delay": "seconds until it is started again; null when it is not",
        },
    ),
    "app.health": EventType(
        "Its health changed: its `health` check failed too often or holds again, its beats on the bus"
        " stopped or came back.",
        {"name": "the instance's name", "word": "`ok`, `failing`, `silent`, or the app's own word"},
    ),
    "app.limit": EventType(
        "It is over one of its limits, or below it again.",
        {
            "name": "the instance's name",
            "generation": "which launch of it",
            "limit": "`memory`, `cpu`, `fds` or `threads`",
            "value": "what it uses: bytes, percent of one core, or a number",
            "max": "what it may use",
            "over": "true when it is over the limit, false when it is below it again",
            "action": "what is done about it: `warn`, `restart` or `stop`",
        },
    ),
    "app.event": EventType(
        "It told something over the bus.",
        {"name": "the instance's name", "topic": "the topic it chose", "fields": "what it told"},
    ),
    "app.found": EventType(
        "The keeper's records were lost; the app ran on and was taken back, known by the mark it carries.",
        {"name": "the instance's name", "pid": _RUN["pid"]},
    ),
    "app.stray": EventType(
        "The keeper's records were lost, and processes of the app run on without their leader: it is not"
        " started beside them, and they have to be ended by hand.",
        {"name": "the instance's name", "pids": "the processes"},
    ),
    "app.scheduled": EventType(
        "A run of it was due by its `schedule`: it begins, or waits for the end of the one before.",
        {**_DUE, "waits": "true while the run before has not ended"},
    ),
    "app.skipped": EventType("A run that was due by its `schedule` is left out; the reason says why.", _DUE),
    "app.changed": EventType(
        "Files that its `watch` names changed, and it is restarted for that.",
        {
            "name": "the instance's name",
            "path": "the one that changed last",
            "count": "how many changed",
        },
    ),
    "watch.refused": EventType(
        "What an app's `watch` names is too much to be watched; its files are not looked at any more until"
        " the configuration is applied again.",
        {"name": "the instance's name"},
    ),
    "service.offered": EventType("An app offers a service.", _SERVICE),
    "service.withdrawn": EventType("A service is offered no more.", _SERVICE),
    "bus.refused": EventType(
        "A program was not let join the bus: it is not of the app it named, or brought no token, a wrong one"
        " or a used one; told once in ten seconds for each app and code.",
        {
            "code": "the code it was given: `wrong-process`, `no-token`, `wrong-token`, `used-token`,"
            " `stale`, `unknown-id` or `not-allowed`"
        },
    ),
    "log.paused": EventType(
        "What it writes is not logged for now, most often for want of space; it runs on.",
        {"stream": "which output", "errno": "the system's error number"},
    ),
    "log.resumed": EventType(
        "What it writes is logged again.",
        {"stream": "which output", "lost": "how many bytes are not in the log"},
    ),
    "config.applied": EventType("A configuration became the active one.", {"file": "its path"}),
    "config.refused": EventType("A file was to become the configuration and has faults.", {}),
    "daemon.started": EventType(
        "The daemon has come up: it answers commands.",
        {"pid": "its process", "version": "its version"},
    ),
    "order.given": EventType(
        "An app with `host` or `placement` in this host's config.yaml was ordered from the cluster, changed"
        " or taken away; the reason says which.",
        {},
    ),
    "order.withheld": EventType(
        "An app with `host` or `placement` in this host's config.yaml does not stand in the cluster as the"
        " file says: nothing can be ordered here, or another order holds; the reason says which.",
        {},
    ),
    "order.refused": EventType(
        "Something stands in the cluster's store that this host does not obey: nobody who may has signed it,"
        " or it is older than what was seen.",
        {},
    ),
    "audit.broken": EventType(
        "Another host keeps a head of this host's audit that does not fit to what is here: its end was cut"
        " off, an old database was put back, or an entry was changed. `audit verify` says more.",
        {"host": "who keeps it"},
    ),
    "store.damaged": EventType(
        "What the daemon remembers could not be read, and was begun anew: apps were taken back from the"
        " keeper, what was disabled is enabled, earlier events are gone.",
        {"file": "where the damaged file was put"},
    ),
    "store.full": EventType(
        "The disk is full: what the daemon remembers is kept in memory until there is room. Apps go on;"
        " no new id is given out.",
        {},
    ),
    "store.saved": EventType("There is room again; all that was kept in memory is written.", {}),
    "store.away": EventType(
        "The state store of the cluster cannot be reached, or does not let us. Apps run on by what was last"
        " known; changes of the cluster wait.",
        {"store": "which one", "tried": "what was in the way of each of its members"},
    ),
    "store.back": EventType(
        "The state store of the cluster is back.", {"store": "which one", "seconds": "how long it was away"}
    ),
    "daemon.stopping": EventType("The daemon goes down; apps go on.", {"pid": "its process"}),
    "daemon.restarted": EventType(
        "The keeper started the daemon again after it had crashed.", {"pid": "the new daemon's process"}
    ),
    "keeper.gap": EventType(
        "More happened while no daemon listened than the keeper keeps: some events of apps are not told."
        " The states are right, since they are taken from the keeper's table.",
        {},
    ),
    "keeper.lost": EventType("The keeper is gone and another is looked for; apps go on.", {}),
}


def page() -> str:
    """docs/reference/events.md."""
    lines = [
        "# Events",
        "",
        "Generated by `python -P -m viscript.reference docs/reference`; do not edit.",
        "",
        "Every change is an event, told once and in order. Each has `cursor` (it rises; reading resumes",
        "behind any of them), `time` (seconds since the epoch), `host`, `object` (`app/7`, `daemon`,",
        "`keeper`), `type`, `reason` (a sentence, may be empty), `actor` (who asked) and `data`, whose",
        "fields depend on the type. New types and fields may come; those below stay.",
        "",
    ]
    for kind, entry in EVENT_TYPES.items():
        lines += [f"## `{kind}`", "", entry.told, ""]
        if entry.fields:
            lines += ["| field | what it holds |", "|---|---|"]
            lines += [f"| `{name}` | {words} |" for name, words in entry.fields.items()]
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"
