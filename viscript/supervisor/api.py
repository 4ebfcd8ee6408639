"""What the verbs may ask of the daemon. The supervisor implements it; handlers see only this."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from viscript.config.loader import Loaded
from viscript.config.model import App, Config, Plugins
from viscript.events import EventLog
from viscript.states import State

ASK_SECONDS: Final = 5.0  # how long an app may take after it was asked on the bus
PRE_STOP_SECONDS: Final = 30.0
FAILED: Final = "failed: "  # how the reason of a step that failed begins


class Exit(msgspec.Struct, frozen=True, gc=False):
    """How a process ended; both None when the kernel could not tell."""

    code: int | None = None
    signal: int | None = None


class Condition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact beside the state: Registered, Ready, Healthy, Limited."""

    type: str
    status: bool
    reason: str = ""
    since: float = 0.0


DEPLOYED: Final = "deployed"  # the source of an entry that an order of the cluster brought
_OWN: Final = frozenset({"run", DEPLOYED})


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """Which instance of a deployment it is, and of an exclusive one the fence (see `keeper.fence`)."""

    app: str
    number: int
    version: int
    what: str = ""  # a digest of what was ordered to run
    fence: int = 0
    key: str = ""
    lease: str = ""
    file: str = ""  # that says when the lease was kept
    moved_from: str = ""


class AppEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be started."""

    name: str
    source: str  # "config.yaml", "plugin NAME", "run", "deployed"
    spec: App
    argv: tuple[str, ...]  # without arguments; argv[0] as configured
    aliases: tuple[str, ...] = ()
    folder: str = "/"  # relative paths are looked up here
    file: str = ""  # the config file or plugin file it came from
    deployed: Deployed | None = None

    @property
    def is_configured(self) -> bool:
        """Whether the configuration of this host says what it is."""
        return self.source not in _OWN


class Instance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A snapshot of one instance; times are seconds since the epoch."""

    seq: int
    generation: int
    name: str
    app: str
    state: State
    since: float
    pid: int | None = None
    started_at: float | None = None
    restarts: int = 0
    last_exit: Exit | None = None
    conditions: tuple[Condition, ...] = ()
    argv: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    spec: App
    entry: AppEntry
    reason: str = ""  # one sentence why it is in this state
    cause: str = ""  # a code of docs/reference/causes.md
    retry_at: float | None = None
    waiting_for: tuple[str, ...] = ()
    registered: bool = False
    tty: bool = False
    log_dir: str = ""
    enabled: bool = True
    moved_from: str | None = None
    next_run: float | None = None  # by its schedule; seconds since the epoch
    begun_for: str = ""  # what its run was begun for: a time of its schedule, a file that changed

    def retry_seconds(self, now: float) -> float | None:
        """How long its pause lasts yet; the bound holds also when somebody set the clock meanwhile."""
        if self.retry_at is None:
            return None
        return min(max(self.retry_at - now, 0.0), self.spec.restart.max_delay)


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What a start came to; `ok` is false when it did not start (the id is kept)."""

    instance: Instance
    ok: bool
    code: int = 0  # an ExitCode
    reason: str = ""


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """What a stop came to."""

    seq: int
    exit: Exit | None
    seconds: float
    rung: str  # "bus", "term", "kill", or "none" when it was not running


class Pong(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to a ping, seconds; None when it did not come in time."""

    kind: str  # "bus" or "process"
    seconds: float | None


class Supervisor(Protocol):
    """Starts, stops and tells. A method that takes a seq raises VerbError NOT_FOUND for an unknown one."""

    def instances(self, *, ended: bool = False) -> list[Instance]:
        """Snapshots by id; `ended` includes stopped and done ones that no schedule runs again."""

    def instance(self, seq: int) -> Instance:
        """The snapshot of one."""

    def apps(self) -> dict[str, AppEntry]:
        """What can be started, by name."""

    async def start(
        self,
        app: str | AppEntry,  # an entry of its own for a program that no configuration knows
        args: Sequence[str] = (),
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        add: bool = False,
        wait: str | None = "started",  # None: once it is launched or waits; or a State word
        actor: str = "local",
    ) -> Started:
        """Start a new instance, with its needs. Raises VerbError for an unknown app or a missing path."""

    async def start_again(self, seq: int, *, wait: str | None = "started", actor: str = "local") -> Started:
        """Start a stopped, done or fatal instance under its old id."""

    async def restart(self, seq: int, *, grace: float | None = None, actor: str = "local") -> Started:
        """Stop and start again under the same id."""

    async def stop(
        self, seq: int, *, grace: float | None = None, now: bool = False, actor: str = "local"
    ) -> Stopped:
        """Stop the tree, dependents first; returns when it is gone."""

    def stop_layers(self, seqs: Sequence[int]) -> list[list[int]]:
        """The ids in the order to stop them: dependents first; one layer may stop together."""

    async def resize(self, seq: int, columns: int, rows: int) -> None:
        """Tell a terminal app its new size."""

    def output_changed(self, seq: int, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` soon after the app wrote something; the answer ends it."""

    async def signal(self, seq: int, signum: int, *, tree: bool = False) -> None:
        """Send a signal to the leader, or the whole tree."""

    async def ping(self, seq: int, timeout: float = 2.0) -> Pong:
        """One round trip over the bus, or an alive check for a plain program."""

    async def send(self, seq: int, data: bytes) -> int:
        """Write to the app's stdin; the number of bytes taken."""

    async def wait_for(self, seq: int, states: frozenset[State], timeout: float | None) -> Instance:
        """Wait until the instance is in one of the states. Raises VerbError TIMED_OUT."""

    async def clear_failed(self, seq: int) -> None:
        """A fatal instance becomes stopped; a backoff is forgotten and retried at once."""

    async def set_enabled(self, seq: int, enabled: bool) -> None:
        """Whether it is started with the daemon."""

    async def call(self, seq: int, method: str, params: object, timeout: float) -> object:
        """Call a method the app offers over the bus."""

    async def describe(self, seq: int) -> dict[str, Any]:
        """The methods the app offers, with schema and docs."""

    async def apply(
        self, loaded: Loaded, *, dry_run: bool, force: bool = False, actor: str = "local"
    ) -> list[PlanStep]:
        """Make the configuration the active one; only what changed is touched. Raises VerbError.

        Unless by `force`, a file without `apps` stops nothing: it is refused.
        """


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an apply plan."""

    action: str  # add, restart, stop, update, unchanged
    app: str
    ids: tuple[int, ...] = ()
    reason: str = ""
    withheld: bool = False  # the cluster has it otherwise than the file says, or cannot be told

    @property
    def failed(self) -> bool:
        """Whether it was carried out and did not do what it says."""
        return self.reason.startswith(FAILED)


class Tree(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Sums over an app's processes, the leader included."""

    cpu_percent: float
    rss_bytes: int
    processes: int


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Resource figures of one app; None where the system would not say."""

    id: int
    name: str = ""
    cpu_percent: float | None = None
    rss_bytes: int | None = None
    uss_bytes: int | None = None
    threads: int | None = None
    fds: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    sockets: int | None = None
    children: int | None = None
    uptime_seconds: float | None = None
    tree: Tree | None = None
    kept_seconds: float = 0.0  # how old uss, fds, sockets, read, written and the tree are


class UsageSource(Protocol):
    """Resource figures, sampled in one pass for all apps."""

    def quick(self) -> dict[int, tuple[float, int]]:
        """(cpu percent, rss bytes) by seq, from the newest sample; no I/O."""

    async def fresh(self, names: Mapping[int, str]) -> list[Usage]:
        """Figures of the named apps, by seq, in turns with the rest of the loop; `kept_seconds` is honest."""


class DaemonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Who the daemon is."""

    pid: int
    keeper_pid: int
    home: str
    config: str
    version: str
    started_at: float
    host: str
    public_key: str
    label: str
    bus_key: str = ""  # CURVE, in hexadecimal


class World(Protocol):
    """All a handler may reach."""

    supervisor: Supervisor
    usage: UsageSource
    events: EventLog
    table: Any  # viscript.verbs.table.Table; typed there to keep imports one-way
    plugins: Any  # viscript.plugins.host.PluginHost
    book: Any  # viscript.cluster.book.Book, or None
    store: Any  # viscript.statestore.held.HeldStore, or None where nothing is shared
    audit: Any  # viscript.cluster.audit.book.Audit, or None where nothing is written down
    witnesses: Any  # viscript.cluster.audit.witnesses.Witnesses, or None without a cluster
    links: Any  # viscript.cluster.links.api.HostLinks, or None without a cluster
    far: Any  # viscript.cluster.far.far.Far, or None
    peering: Any  # viscript.daemon.peering.PeeringSide, or None

    @property
    def pairing(self) -> Any:  # Any: viscript.cluster.pairing.pairing.Pairing, or None
        """Pairing of this home."""

    def facts(self) -> DaemonFacts:
        """Who the daemon is."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def config(self) -> Config:
        """The active configuration."""

    def known_apps(self, plugins: Plugins) -> Collection[str]:
        """The names under which plugins offer apps; references to them are right."""

    async def stop_daemon(self, *, stop_all: bool) -> None:
        """End the daemon; apps go on unless `stop_all`."""
