"""The types of config.yaml. JSON Schema, the reference page and `config explain` come from them.

Times are seconds (float), sizes are bytes (int); the loader turns `1.5s` and `64MiB` into them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Seconds = Annotated[float, Meta(ge=0, extra_json_schema={"x-unit": "seconds"})]
Size = Annotated[int, Meta(ge=0, extra_json_schema={"x-unit": "bytes"})]
Count = Annotated[int, Meta(ge=0)]
Percent = Annotated[float, Meta(ge=0, extra_json_schema={"x-unit": "percent"})]  # 100: one core
# A word of a command line or an environment: numbers and true/false are taken as they are written.
Text = Annotated[str, Meta(extra_json_schema={"x-scalar": True})]
# The words of a command: a list, or one line that is split as a shell splits it (no shell runs).
Words = Annotated[tuple[Text, ...], Meta(extra_json_schema={"x-words": True})]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the file; unknown keys are faults."""


class Argument(_Section, frozen=True):
    """One positional argument of an app: drives hints, completion, validation and help.

    What is given for the first one names the instance too if its type is `name`.
    """

    name: str
    type: Literal["text", "name", "int", "float", "port", "address", "path", "key", "json"] = "text"
    help: str = ""
    default: Text | None = None
    choices: tuple[Text, ...] = ()
    required: bool = False


class Restart(_Section, frozen=True):
    """When and how fast an app that ended is started again."""

    policy: Literal["on-failure", "always", "never"] = "on-failure"
    delay: Seconds = 1.0
    max_delay: Seconds = 60.0
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.2
    burst: Count = 5
    window: Seconds = 60.0
    give_up: Literal["never", "after burst"] = "never"
    success_codes: tuple[int, ...] | UnsetType = UNSET


class Check(_Section, frozen=True):
    """How an app shows that it is ready or healthy; exactly one kind is given."""

    signal: bool = False
    notify: bool = False
    tcp: Text | None = None
    http: str | None = None
    exec: Words | None = None
    log: str | None = None
    settle: Seconds | None = None
    interval: Seconds = 1.0
    timeout: Seconds = 2.0
    retries: Annotated[int, Meta(ge=1)] = 3
    start_period: Seconds = 0.0


class Stop(_Section, frozen=True):
    """How an app is stopped."""

    signal: Text = "TERM"
    grace: Seconds = 10.0
    kill_tree: bool = True
    pre_stop: Words | None = None


class Output(_Section, frozen=True):
    """Where output goes. Rotation is always on."""

    file: str | None = None
    max_bytes: Size = 10 * 1024 * 1024
    backups: Count = 5
    timestamps: bool = False
    merge: bool = True
    format: Literal["text", "json"] = "text"


OverLimit = Literal["warn", "restart", "stop"]


class MemoryLimit(_Section, frozen=True):
    """How much memory the processes of an app may use together."""

    max: Size
    action: OverLimit = "restart"
    for_: Seconds = msgspec.field(default=0.0, name="for")


class CpuLimit(_Section, frozen=True):
    """How much of the processors the processes of an app may use together."""

    max: Percent
    action: OverLimit = "restart"
    for_: Seconds = msgspec.field(default=10.0, name="for")


class CountLimit(_Section, frozen=True):
    """How many of something the processes of an app may have together."""

    max: Annotated[int, Meta(ge=1)]
    action: OverLimit = "restart"
    for_: Seconds = msgspec.field(default=0.0, name="for")


class Limits(_Section, frozen=True):
    """What the processes of an app may use together."""

    memory: MemoryLimit | None = None
    cpu: CpuLimit | None = None
    fds: CountLimit | None = None
    threads: CountLimit | None = None


class Socket(_Section, frozen=True):
    """A listening socket that is held for an app over its restarts, and passed to each run."""

    listen: Text
    type: Literal["stream", "datagram"] = "stream"
    backlog: Annotated[int, Meta(ge=1)] = 1024
    mode: Text | None = None


class Secret(_Section, frozen=True):
    """A value read from elsewhere and never shown."""

    file: str | None = None
    env: str | None = None


class SecretValue(_Section, frozen=True):
    """`{secret: {file: PATH}}` or `{secret: {env: NAME}}` in place of a plain value."""

    secret: Secret


class After(_Section, frozen=True):
    """Orders the start behind another app; starts nothing by itself."""

    app: str
    condition: Literal["started", "ready", "healthy", "completed"] = "ready"


class Schedule(_Section, frozen=True):
    """When an app is run by itself; exactly one of cron and every is given."""

    cron: str | None = None
    every: Seconds | None = None
    timezone: str | None = None
    overlap: Literal["skip", "queue", "kill"] = "skip"
    at_start: bool = False


class Placement(_Section, frozen=True):
    """How many of an app the cluster runs, and how they are spread."""

    count: Annotated[int, Meta(ge=1, le=1000)] = 1
    spread: str | None = None
    exclusive: bool | UnsetType = UNSET


class Pipe(_Section, frozen=True):
    """How an app of the pipe protocol is started: what it is told, and what it must say."""

    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    name: str = ""
    version: str = ""
    log_arg: bool = True
    raw: bool = False


class App(_Section, frozen=True):
    """One app of `apps:`. Every key of the original file keeps its meaning."""

    path: str | None = None
    command: Words | None = None
    default_args: Words = ()
    args: tuple[Argument, ...] = ()
    desc: str = ""
    help: str = ""
    daemon: bool = False
    autostart: bool = False
    instances: Annotated[int, Meta(ge=1)] = 1
    group: str | None = None
    tags: tuple[str, ...] = ()
    cwd: str | None = None
    env: dict[str, Text | SecretValue | None] = {}
    env_file: tuple[str, ...] = ()
    inherit_env: bool = True
    user: Text | None = None
    group_id: Text | None = None
    umask: Text | None = None
    nice: Annotated[int, Meta(ge=-20, le=19)] | None = None
    rlimits: dict[str, Size | Literal["unlimited"]] = {}
    restart: Restart = Restart()
    needs: tuple[str, ...] = ()
    after: tuple[After, ...] = ()
    ready: Check | None = None
    health: Check | None = None
    stop: Stop = Stop()
    stdin: Literal["pipe", "null"] | UnsetType = UNSET
    tty: bool = False
    role: Literal["operate", "admin"] | UnsetType = UNSET
    pipe: Pipe | bool = False
    join: Literal["ipc", "tcp"] = "ipc"
    start_timeout: Seconds = 60.0
    settle: Seconds = 1.0
    forking: bool = False
    output: Output = Output()
    schedule: Schedule | None = None
    watch: tuple[str, ...] = ()
    limits: Limits = Limits()
    sockets: dict[str, Socket] = {}
    host: str | None = None
    placement: Placement | None = None


def pipe_of(app: App) -> Pipe | None:
    """How it speaks the pipe protocol; None for an app that does not."""
    if isinstance(app.pipe, Pipe):
        return app.pipe
    return Pipe() if app.pipe else None


def role_of(app: App) -> Literal["operate", "admin"]:
    """The role that starting it takes, for callers of other hosts."""
    return "operate" if app.role is UNSET else app.role


def is_placed(app: App) -> bool:
    """Whether the cluster runs it: this host orders it, and perhaps gets it."""
    return app.host is not None or app.placement is not None


def starts_with_daemon(app: App) -> bool:
    """Whether the daemon starts it; one with a schedule waits for its time, a placed one is the cluster's."""
    return app.autostart and app.schedule is None and not is_placed(app)


def success_codes(app: App) -> tuple[int, ...]:
    """The exit codes that count as success: as given, else none for a daemon and 0 for the rest."""
    if app.restart.success_codes is not UNSET:
        return app.restart.success_codes
    return () if app.daemon else (0,)


class Settings(_Section, frozen=True):
    """The original's settings, by their original names."""

    verboseInput: bool = False  # noqa: N815 (the file's own spelling)
    verifyParsingByPrinting: bool = False  # noqa: N815
    runHeadless: bool = False  # noqa: N815


class Plugins(_Section, frozen=True):
    """Where plugins are looked for, which are blocked, and their settings."""

    dirs: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    strict: bool = False
    settings: dict[str, dict[str, Any]] = {}  # Any: each plugin declares its own


class Bus(_Section, frozen=True):
    """The signal bus off this host, and who may join uninvited."""

    tcp: str | None = None
    allow: tuple[str, ...] = ()
    external: bool = False


class StoreTls(_Section, frozen=True):
    """Whom to trust and what to show, as files; `true` alone trusts what this host trusts."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class Store(_Section, frozen=True):
    """Where the state of a cluster is kept. A URL alone is its `url`."""

    url: str = "sqlite://"
    tls: StoreTls | bool = False
    user: Text | None = None
    password: Text | SecretValue | None = None


class Cluster(_Section, frozen=True):
    """This host among the others of its cluster. Without `listen`, port 7791 of every address."""

    listen: tuple[str, ...] | None = None
    advertise: tuple[str, ...] = ()
    label: str | None = None
    labels: dict[str, str] = {}


class Logging(_Section, frozen=True):
    """The daemon's own log."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section, frozen=True):
    """The whole file."""

    apps: dict[str, App] = {}
    settings: Settings = Settings()
    include: tuple[str, ...] = ()
    plugins: Plugins = Plugins()
    store: Store = Store()
    bus: Bus = Bus()
    cluster: Cluster = Cluster()
    logging: Logging = Logging()
