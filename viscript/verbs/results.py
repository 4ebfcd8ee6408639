"""What the verbs answer: the JSON others rely on. Fields may be added, never renamed or removed.

Times are seconds, sizes are bytes, `since` and `time` are seconds since the epoch.
"""

from typing import Any, Literal

import msgspec

from viscript.supervisor.api import Condition, Exit, PlanStep, Tree, Usage

__all__ = ["Condition", "Exit", "PlanStep", "Tree", "Usage"]


class _Result(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class ErrorBody(_Result, frozen=True, kw_only=True):
    """Why a command failed, in data."""

    code: int
    text: str
    detail: str = ""
    suggestions: tuple[str, ...] = ()
    data: Any = None  # Any: what the verb knows besides, for example the id that was kept


class ErrorAnswer(_Result, frozen=True, kw_only=True):
    """What stands on stdout in the JSON formats when a command failed."""

    error: ErrorBody


class StartRow(_Result, frozen=True, kw_only=True):
    """One instance after a start or restart."""

    id: int
    generation: int
    name: str
    app: str
    state: str
    pid: int | None
    host: str


class AppRow(_Result, frozen=True, kw_only=True):
    """Something that can be started."""

    name: str
    source: str
    daemon: bool
    desc: str
    running: int
    argv: tuple[str, ...] = ()
    default_args: tuple[str, ...] = ()


class ListRow(_Result, frozen=True, kw_only=True, gc=False):
    """One instance as `list_apps` shows it."""

    id: int
    generation: int
    name: str
    app: str
    state: str
    since: float
    pid: int | None
    uptime_seconds: float | None
    restarts: int
    cpu_percent: float | None
    rss_bytes: int | None
    last_exit: Exit | None
    conditions: tuple[Condition, ...]
    host: str
    state_seconds: float = 0.0
    retry_seconds: float | None = None
    reason: str = ""
    command: str = ""
    enabled: bool = True
    next_run: float | None = None  # by its schedule
    next_run_seconds: float | None = None


class StatusRow(ListRow, frozen=True, kw_only=True):
    """The same, with the app's own figures where it is named and has some: what its `status` answers."""

    figures: dict[str, Any] = {}


class PingRow(_Result, frozen=True, kw_only=True):
    """Round trips to one instance."""

    id: int
    kind: str
    count: int
    lost: int
    min_seconds: float | None
    median_seconds: float | None
    max_seconds: float | None
    name: str = ""


class StopRow(_Result, frozen=True, kw_only=True):
    """How one instance was stopped; `rung` is `none` when it did not run."""

    id: int
    exit: Exit | None
    seconds: float
    rung: str
    name: str = ""


class SignalRow(_Result, frozen=True, kw_only=True):
    """A signal that was sent."""

    id: int
    signal: str


class SendRow(_Result, frozen=True, kw_only=True):
    """Text written to an app's stdin."""

    id: int
    written_bytes: int


class StateRow(_Result, frozen=True, kw_only=True):
    """The state an instance came to."""

    id: int
    name: str
    state: str


class EnableRow(_Result, frozen=True, kw_only=True):
    """Whether an instance starts with the daemon."""

    id: int
    name: str
    enabled: bool


class LogRow(_Result, frozen=True, kw_only=True):
    """One line of output."""

    id: int
    name: str
    stream: str
    time: float | None
    text: str


class DependencyRow(_Result, frozen=True, kw_only=True):
    """One edge of the dependency graph."""

    app: str
    on: str
    condition: str
    starts: bool


class HelpPage(_Result, frozen=True, kw_only=True):
    """One page of help."""

    topic: str
    kind: str
    text: str


class DaemonStatus(_Result, frozen=True, kw_only=True):
    """Who the daemon is."""

    pid: int
    keeper_pid: int
    home: str
    config: str
    version: str
    uptime_seconds: float
    apps: int
    store: str = ""
    faults: tuple[str, ...] = ()  # of plugins, and of their settings


class Stopping(_Result, frozen=True, kw_only=True):
    """The daemon was asked to end."""

    pid: int
    stop_all: bool


class WhoAmI(_Result, frozen=True, kw_only=True):
    """This host's identity."""

    public_key: str
    words: str
    label: str
    version: str
    bus_key: str = ""


class Version(_Result, frozen=True, kw_only=True):
    """Versions of this program and the Python below it."""

    version: str
    python: str


class TrialRow(_Result, frozen=True, kw_only=True):
    """One trial of `prove`: `pass`, `fail` or `not tried`. The unit of a figure is in its name."""

    trial: str
    status: Literal["pass", "fail", "not tried"]
    seconds: float
    figures: dict[str, float]
    text: str


class DemoLeft(_Result, frozen=True, kw_only=True):
    """What a demo left behind: counted after its end."""

    processes: int
    ports: int
    files: int


class DemoResult(_Result, frozen=True, kw_only=True):
    """What a demo measured. `hops` are the links of the message's way, `path` the nodes."""

    visors: int
    ready_seconds: float
    message_seconds: float
    hops: int
    path: list[str]
    heal_seconds: float
    lost: int
    doubled: int
    left: DemoLeft


class ConfigFault(_Result, frozen=True, kw_only=True):
    """One fault of a configuration file."""

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str = ""


class ConfigValue(_Result, frozen=True, kw_only=True):
    """One value of the active configuration and where it came from."""

    path: str
    value: Any  # Any: whatever the key holds
    origin: str


class ConfigChange(_Result, frozen=True, kw_only=True):
    """One key in which the active configuration and the file differ."""

    path: str
    active: Any  # Any: whatever the key holds
    file: Any  # Any: the same


class AuditRow(_Result, frozen=True, kw_only=True):
    """One command that was asked of this host, and what came of it."""

    ulid: str
    time: float
    actor: str  # a key in hexadecimal
    actor_label: str = ""  # what the host of that key is called here now; empty where it is of no host
    local: bool  # whether that is this host's own
    host: str
    verb: str
    role: str
    argv: tuple[str, ...]
    target: str = ""
    state: str  # done, failed, refused, running, unfinished
    code: int | None = None
    seconds: float | None = None


class AuditVerdict(_Result, frozen=True, kw_only=True):
    """Whether the audit is whole: how many entries are right, and the first that is not.

    `copied`: how many of them the store of the cluster has, null where it has none or is away. `heard`: how
    many other hosts keep a head of it. `faults`: what is wrong with copies themselves.
    """

    entries: int
    ok: bool
    broken: int | None = None
    reason: str = ""
    copied: int | None = None
    heard: int = 0
    faults: tuple[str, ...] = ()


class DraftRow(_Result, frozen=True, kw_only=True):
    """What an order about an app that runs here would say; `entry`, for an admin, is what it would carry."""

    app: str
    id: int
    name: str
    host: str
    source: str
    deployed: bool = False
    number: int = 0
    args: tuple[str, ...] = ()
    entry: str = ""  # in base64


class OnRow(_Result, frozen=True, kw_only=True):
    """What one host made of a command; `result` is what the verb answers there, or its error."""

    host: str
    status: Literal["ok", "failed", "unreachable", "stale"]
    code: int
    age_seconds: float | None = None  # of a stale result; of an unreachable host, since it was last heard
    result: Any = None  # Any: each verb has its own
    text: str = ""


class HostRef(_Result, frozen=True, kw_only=True):
    """A host of the cluster."""

    label: str
    public_key: str


class InviteRow(_Result, frozen=True, kw_only=True):
    """An invitation, and who joined by it; whoever has the code may use it until then."""

    invitation: int
    code: str
    role: str
    label: str = ""
    addresses: tuple[str, ...] = ()
    expires_seconds: float
    joined: HostRef | None = None


class JoinRow(_Result, frozen=True, kw_only=True):
    """A pairing from the joiner's side: `words` to compare, or `joined`."""

    state: Literal["words", "joined"]
    words: str
    host: HostRef
    cluster: str
    role: str
    label: str = ""


class PendingRow(_Result, frozen=True, kw_only=True):
    """An open invitation or a pairing under way; `joins` when it is this host that joins."""

    invitation: int | None = None
    role: str
    label: str
    state: str
    words: str = ""
    expires_seconds: float | None = None
    failures: int = 0
    joins: bool = False


class LeaveRow(_Result, frozen=True, kw_only=True):
    """The cluster that was left, and how many other hosts it has."""

    cluster: str
    hosts: int


class DeployedRow(_Result, frozen=True, kw_only=True):
    """One instance that the cluster is to run; number 0: an order that is not obeyed."""

    app: str
    number: int
    id: str = ""  # such as host-2/7, while a host has it
    host: str = ""
    state: str  # of the app; or ordered, coming, away, homeless, refused
    fence: int = 0  # of an exclusive one that runs
    place: str = ""
    version: int = 0
    by: str = ""  # the signer's key in hexadecimal
    moved_from: str = ""
    reason: str = ""


class HostModeRow(_Result, frozen=True, kw_only=True):
    """Whether a host takes work of the cluster."""

    host: str
    public_key: str
    mode: str  # normal, paused, drained
