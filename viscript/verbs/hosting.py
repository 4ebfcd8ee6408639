"""hosts: who is in the cluster, and how each host is seen from here."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any, Final

import msgspec

from viscript import __version__
from viscript.render.human import NOTHING, percent, size, span
from viscript.verbs.reach import daemon
from viscript.verbs.table import Call, Column, Outcome, Style, Verb

ALONE: Final = "this host is in no cluster; begin one with: host invite"
FAR_OFF_S: Final = 120.0  # from which on a clock's offset is shown as a time, not in seconds
FILES_A_HOST: Final = 5  # of one that is dialled, and a try more; one that dials takes one
FILES_BESIDES: Final = 256
SKEW_S: Final = 2.0  # from which a clock is worth a look
_STYLES: Final[dict[str, Style]] = {"up": "good", "suspect": "busy", "down": "bad", "paused": "dim"}
_FRESH: Final = ("up", "paused")


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """A host of the cluster: how it is seen from here, and its own last figures with their age."""

    label: str
    public_key: str
    state: str
    last_seen: float | None
    age_seconds: float | None
    version: str
    skew: bool
    apps_up: int
    apps_total: int
    cpu_percent: float | None
    memory_bytes: int | None
    memory_total: int | None
    path: str
    clock_offset_seconds: float | None
    role: str
    local: bool
    draining: bool
    labels: dict[str, str]
    addresses: tuple[str, ...]
    started_at: float | None
    why: str


async def hosts(call: Call) -> Outcome:
    """Every host of the cluster, this one first."""
    links = daemon(call).links
    found = links.hosts() if links is not None else []
    if not found:
        return Outcome(data=[], text=f"{ALONE}\n")
    rows = [_row(host) for host in found]
    notes = [f"this host cannot be reached by others: {links.trouble}"] if links.trouble else []
    store = daemon(call).store
    if store is not None and store.fault is not None:
        notes.append(f"the state store {store.name} is {store.standing()}; orders wait")
    if few := few_files(len(rows), resource.getrlimit(resource.RLIMIT_NOFILE)[0]):
        notes.append(few)
    return Outcome(data=rows, notes=tuple(notes))


def few_files(hosts: int, limit: int) -> str:
    """What to say where a daemon may run out of files to open; empty where it may open enough."""
    wanted = FILES_BESIDES + FILES_A_HOST * hosts
    if limit < 0 or wanted <= limit:
        return ""
    return (
        f"{hosts} hosts may take {wanted} open files, and this daemon may open {limit}: "
        "raise the hard limit, by LimitNOFILE= in its unit or ulimit -Hn where it is started"
    )


def _row(host: Any) -> HostRow:  # Any: viscript.cluster.links.api.HostState, loaded with the cluster only
    return HostRow(
        label=host.label,
        public_key=host.key.hex(),
        state=str(host.state),
        last_seen=host.last_seen,
        age_seconds=host.age_seconds,
        version=host.version,
        skew=host.version not in ("", __version__),
        apps_up=host.apps_up,
        apps_total=host.apps_total,
        cpu_percent=host.cpu_percent,
        memory_bytes=host.memory_bytes,
        memory_total=host.memory_total,
        path=host.path,
        clock_offset_seconds=host.clock_offset_seconds,
        role=str(host.role),
        local=host.local,
        draining=host.draining,
        labels=dict(host.labels),
        addresses=tuple(host.addresses),
        started_at=host.started_at,
        why=host.why,
    )


def _state(row: HostRow) -> str:
    return f"{row.state}, draining" if row.draining else row.state


def _seen(row: HostRow) -> str:
    if row.local or (row.state in _FRESH and row.path != "none"):
        return "now"
    return "never" if row.age_seconds is None else f"{span(row.age_seconds)} ago"


def _told(text: Callable[[HostRow], str]) -> Callable[[HostRow], str]:
    """A figure that the host told itself: nothing where it never spoke."""
    return lambda row: NOTHING if row.last_seen is None else text(row)


def _apps(row: HostRow) -> str:
    return f"{row.apps_up}/{row.apps_total}"


def _memory(row: HostRow) -> str:
    if row.memory_bytes is None or not row.memory_total:
        return size(row.memory_bytes)
    return f"{size(row.memory_bytes)} ({row.memory_bytes / row.memory_total:.0%})"


def _version(row: HostRow) -> str:
    return f"{row.version} (other)" if row.skew else row.version or NOTHING


def _clock(row: HostRow) -> str:
    offset = row.clock_offset_seconds
    if row.local or offset is None:
        return NOTHING
    if abs(offset) >= FAR_OFF_S:
        return f"{'+' if offset > 0 else '-'}{span(abs(offset))}"
    return "same" if abs(offset) < 0.5 else f"{offset:+.1f}s"


def _labels(row: HostRow) -> str:
    return ",".join(f"{word}={value}" for word, value in row.labels.items())


def _aged(row: HostRow) -> Style | None:
    """What was said some time ago looks like it."""
    return None if row.state in _FRESH else "dim"


def _clock_style(row: HostRow) -> Style | None:
    offset = row.clock_offset_seconds
    return "busy" if offset is not None and abs(offset) >= SKEW_S else _aged(row)


VERBS = (
    Verb(
        name="hosts",
        aliases=("ho",),
        group="hosts",
        summary="the hosts of the cluster, and how each is",
        help="A host is `suspect` when nothing was heard of it for 5 s, `down` after 15 s. What it said last "
        "stays, grey, with its age. CLOCK is how far its clock is ahead of ours. A version that is not ours "
        "is marked.",
        examples=("hosts", "hosts -o wide", "ho -o json"),
        result=list[HostRow],
        columns=(
            Column(title="HOST", text=lambda row: f"{row.label} *" if row.local else row.label),
            Column(title="STATE", text=_state, style=lambda row: _STYLES.get(row.state)),
            Column(title="SEEN", text=_seen, style=_aged),
            Column(title="APPS", text=_told(_apps), right=True, style=_aged),
            Column(title="CPU%", text=_told(lambda row: percent(row.cpu_percent)), right=True, style=_aged),
            Column(title="MEMORY", text=_told(_memory), right=True, style=_aged),
            Column(title="PATH", text=lambda row: NOTHING if row.local else row.path, style=_aged),
            Column(title="CLOCK", text=_clock, right=True, style=_clock_style),
            Column(title="VERSION", text=_version, style=lambda row: "busy" if row.skew else _aged(row)),
            Column(title="ROLE", text=lambda row: row.role, wide=True),
            Column(title="LABELS", text=_labels, wide=True),
            Column(title="WHY", text=lambda row: row.why or NOTHING, wide=True, shrink=True),
            Column(title="ADDRESSES", text=lambda row: " ".join(row.addresses), wide=True, shrink=True),
            Column(title="KEY", text=lambda row: row.public_key, wide=True, shrink=True),
        ),
        name_of=lambda row: row.label,
        handler=hosts,
    ),
)
