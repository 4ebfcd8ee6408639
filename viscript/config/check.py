"""What a configuration means: references, cycles, and values that do not fit together. Pure.

Every rule takes an app and gives (key below the app, message, suggestion) for what is wrong.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from msgspec import UNSET

from viscript.config import words
from viscript.config.arguments import argument_faults
from viscript.config.cycles import find_cycles
from viscript.config.fault import Fault, Place, fault_at
from viscript.config.model import App, Check, Cluster, Config, is_placed, pipe_of
from viscript.config.placing import ORDERED_NAME, placing_faults
from viscript.config.schedules import schedule_faults
from viscript.config.storing import store_faults
from viscript.config.suggest import closest
from viscript.config.tree import join
from viscript.filewatch.pattern import parse_pattern

MAX_NAME_CHARS: Final = 100
RLIMITS: Final = frozenset(
    {
        "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
        "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
    }
)  # fmt: skip
# Set for every app by the supervisor; a value of one's own would be lost.
RESERVED_ENV: Final = frozenset(
    {
        "VISCRIPT_ENDPOINT", "VISCRIPT_HOME_ID", "VISCRIPT_SEQ", "VISCRIPT_GENERATION",
        "VISCRIPT_STATE", "VISCRIPT_IDENTITY", "VISCRIPT_SERVER_KEY", "VISCRIPT_TOKEN_FD",
        "SIGNAL_CLIENT", "SIGNAL_CLIENT_ID", "SIGNAL_SERVER_ADDRESS",
    }
)  # fmt: skip
CHECK_KINDS: Final = ("signal", "notify", "tcp", "http", "exec", "log", "settle")

NO_PROGRAM: Final = "neither path nor command is given, and no plugin registers an app of that name"

Wrong = tuple[str, str, str]

_APP_NAME: Final = re.compile(r"\w[\w.-]*")
_SOCKET_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_WORD: Final = re.compile(r"[\w.:-]+")


def check(
    config: Config, places: Mapping[str, Place], file: str, known: Collection[str] | None
) -> list[Fault]:
    """The faults of a converted configuration; `known` are the apps of plugins, None when that is unknown."""
    names = {*config.apps, *(known or ())}
    placed = {name for name, app in config.apps.items() if is_placed(app)}
    wrongs: list[Wrong] = []
    for name, app in config.apps.items():
        wrongs += _app_faults(name, app, config, known)
        wrongs += _references(name, app, names, placed)
    wrongs += _top_faults(config)
    return [fault_at(_place(places, path, file), path, message, hint) for path, message, hint in wrongs]


def _place(places: Mapping[str, Place], path: str, file: str) -> Place:
    """Where the key was given, or the nearest one above it."""
    while path:
        if path in places:
            return places[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return Place(file, 1, 1)


def _app_faults(name: str, app: App, config: Config, known: Collection[str] | None) -> Iterator[Wrong]:
    base = f"apps.{name}"
    if problem := name_problem(name):
        yield base, problem, ""
    if known is not None and app.path is None and app.command is None and name not in known:
        yield base, NO_PROGRAM, ""
    for rule in RULES:
        for key, message, hint in rule(app):
            yield join(base, key), message, hint
    if is_placed(app) and not ORDERED_NAME.match(name):
        yield base, "an app of the cluster has at most 63 of the letters a to z, digits, and _ . -", ""
    if app.join == "tcp" and config.bus.tcp is None:
        yield join(base, "join"), "tcp needs an address to join at: `bus: {tcp: 127.0.0.1:7700}`", ""


def name_problem(name: str) -> str:
    """What is wrong with an app's name, or nothing. Ids, `all`, `NAME#2`, `@group` and globs are targets."""
    if name.isdigit():
        return "a name of digits only would be taken for an id"
    if name.casefold() == "all":
        return 'the name "all" stands for every app'
    if len(name) > MAX_NAME_CHARS:
        return f"the name is longer than {MAX_NAME_CHARS} characters"
    if not _APP_NAME.fullmatch(name):
        return "a name may hold letters, digits, and . _ - after the first character"
    return ""


def _executable(app: App) -> Iterator[Wrong]:
    if app.path is not None and app.command is not None:
        yield "command", "path and command are both given; keep one", ""
    if app.path == "":
        yield "path", "must not be empty", ""
    if app.command is not None and (not app.command or not app.command[0]):
        yield "command", "must start with the program to run", ""
    if app.cwd == "":
        yield "cwd", "must not be empty", ""


def _surroundings(app: App) -> Iterator[Wrong]:
    for name in app.env:
        if "=" in name or "\0" in name:
            yield f"env.{name}", "a variable's name cannot hold =", ""
        elif name in RESERVED_ENV:
            yield f"env.{name}", "is set by viscript for every app", ""
    for name, value in app.env.items():
        if value is not None and not isinstance(value, str):
            given = [kind for kind in ("file", "env") if getattr(value.secret, kind)]
            if len(given) != 1:
                yield f"env.{name}", "a secret has exactly one of file, env", ""
    for name in app.rlimits:
        if name not in RLIMITS:
            yield f"rlimits.{name}", "unknown limit", closest(name, RLIMITS)
    if app.umask is not None:
        yield from _read("umask", app.umask, words.file_mode, "an octal mode such as 022")


def _read(key: str, text: str, read: Callable[[str], object], what: str) -> Iterator[Wrong]:
    try:
        read(text)
    except ValueError:
        yield key, f'expected {what}, got "{text}"', ""


def _labels(app: App) -> Iterator[Wrong]:
    labels = [("group", app.group)] if app.group is not None else []
    labels += [(f"tags[{index}]", tag) for index, tag in enumerate(app.tags)]
    for key, label in labels:
        if not _WORD.fullmatch(label):
            yield key, f'expected a word of letters, digits and . _ : -, got "{label}"', ""


def _restarts(app: App) -> Iterator[Wrong]:
    restart = app.restart
    if restart.max_delay < restart.delay:
        yield "restart.max_delay", "is shorter than delay", ""
    if restart.give_up == "after burst" and (restart.burst == 0 or restart.window == 0):
        yield "restart.give_up", "after burst needs burst and window above 0", ""
    codes = () if restart.success_codes is UNSET else restart.success_codes
    for index, code in enumerate(codes):
        if not 0 <= code <= 255:
            yield f"restart.success_codes[{index}]", f"must be between 0 and 255, got {code}", ""


def _stopping(app: App) -> Iterator[Wrong]:
    for key, message, _ in _read(
        "stop.signal", app.stop.signal, words.signal_number, "a signal such as TERM"
    ):
        yield key, message, closest(app.stop.signal.upper().removeprefix("SIG"), words.signal_names())
    if app.stop.pre_stop == ():
        yield "stop.pre_stop", "must start with the program to run", ""


def _checks(app: App) -> Iterator[Wrong]:
    for key, probe in (("ready", app.ready), ("health", app.health)):
        if probe is not None:
            yield from ((join(key, below), message, hint) for below, message, hint in _probe(probe))


def _probe(probe: Check) -> Iterator[Wrong]:
    kinds = [kind for kind in CHECK_KINDS if getattr(probe, kind) not in (None, False)]
    if len(kinds) != 1:
        got = " and ".join(kinds) or "none"
        yield "", f"give exactly one of {', '.join(CHECK_KINDS)}; got {got}", ""
    if probe.tcp is not None:
        yield from _read("tcp", probe.tcp, words.address, "an address such as 127.0.0.1:8080")
    if probe.http is not None and not words.is_http_url(probe.http):
        yield "http", f'expected a URL such as http://127.0.0.1:8080/health, got "{probe.http}"', ""
    if probe.exec is not None and (not probe.exec or not probe.exec[0]):
        yield "exec", "must start with the program to run", ""
    if probe.log is not None:
        yield from _pattern(probe.log)
    for key in ("interval", "timeout"):
        if getattr(probe, key) == 0:
            yield key, "must be above 0", ""


def _pattern(text: str) -> Iterator[Wrong]:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as exc:
        yield "log", f"bad regular expression: {exc}", ""


def _settles_in(app: App) -> float:
    """How long a start takes at least; an app with a check of another kind is started as soon as it holds."""
    return app.settle if app.ready is None else app.ready.settle or 0.0


def _timing(app: App) -> Iterator[Wrong]:
    if app.start_timeout <= _settles_in(app):
        yield "start_timeout", "must be longer than settle", ""
    if app.tty and not app.output.merge:
        yield "output.merge", "with tty: true there is one output only", ""
    if app.tty and app.stdin == "null":
        yield "stdin", "with tty: true the terminal is the input", ""
    if app.output.max_bytes < 4096:
        yield "output.max_bytes", "must be at least 4KiB", ""


def _pipes(app: App) -> Iterator[Wrong]:
    """What an app of the pipe protocol cannot have besides: its descriptors 0, 3 and 4 are taken."""
    pipe = pipe_of(app)
    if pipe is None:
        return
    if pipe.port and app.instances > 1:
        wanted = f"mesh port {pipe.port} is for one app, and {app.instances} instances want it"
        yield "pipe.port", f"{wanted}; give one instance, or several apps with a port each", ""
    for key, given in (("tty", app.tty), ("forking", app.forking), ("sockets", bool(app.sockets))):
        if given:
            yield key, "does not go with pipe: the app's descriptors are the pipe's", ""
    if app.stdin == "pipe":
        yield "stdin", "does not go with pipe: such an app reads its descriptor 3", ""


def _sockets(app: App) -> Iterator[Wrong]:
    for name, held in app.sockets.items():
        key = f"sockets.{name}"
        if not _SOCKET_NAME.fullmatch(name):
            yield key, "a name may hold letters, digits and . _ -", ""
        yield from _read(
            f"{key}.listen",
            held.listen,
            words.listening,
            "an address such as 127.0.0.1:8080 or unix:web.sock",
        )
        if held.mode is not None:
            yield from _read(f"{key}.mode", held.mode, words.file_mode, "an octal mode such as 660")
            if not held.listen.startswith(words.UNIX):
                yield f"{key}.mode", "only a unix socket has a mode", ""
    if app.sockets and app.instances > 1:
        yield (
            "sockets",
            "several instances cannot listen on one address; give one instance, or several apps",
            "",
        )


def _limits(app: App) -> Iterator[Wrong]:
    limits = app.limits
    if limits.memory is not None and limits.memory.max == 0:
        yield "limits.memory", "must be above 0", ""
    if limits.cpu is not None and limits.cpu.max == 0:
        yield "limits.cpu", "must be above 0", ""


def _arguments(app: App) -> Iterator[Wrong]:
    seen: set[str] = set()
    for index, argument in enumerate(app.args):
        if argument.name in seen:
            yield f"args[{index}].name", f'the argument "{argument.name}" is given twice', ""
        seen.add(argument.name)
        for key, message in argument_faults(argument):
            yield f"args[{index}]{'.' if key else ''}{key}", message, ""


def _patterns(app: App) -> Iterator[Wrong]:
    for index, pattern in enumerate(app.watch):
        try:
            parse_pattern(pattern)
        except ValueError as exc:
            yield f"watch[{index}]", str(exc), ""


RULES: Final[tuple[Callable[[App], Iterator[Wrong]], ...]] = (
    _executable, _surroundings, _labels, _restarts, _stopping, _checks, _timing, _pipes, _sockets, _limits,
    _arguments, schedule_faults, placing_faults, _patterns,
)  # fmt: skip


def _references(name: str, app: App, names: Collection[str], placed: Collection[str]) -> Iterator[Wrong]:
    needs = [(f"needs[{index}]", needed) for index, needed in enumerate(app.needs)]
    afters = [(f"after[{index}]", after.app) for index, after in enumerate(app.after)]
    for given in (needs, afters):
        seen: set[str] = set()
        for key, other in given:
            if problem := _reference_problem(other, name, names, seen):
                yield f"apps.{name}.{key}", *problem
            elif given is needs and other in placed:
                yield (
                    f"apps.{name}.{key}",
                    f'"{other}" is run by the cluster; needs starts apps of this host',
                    "",
                )
            seen.add(other)


def _reference_problem(
    other: str, name: str, names: Collection[str], seen: Collection[str]
) -> tuple[str, str] | None:
    if other == name:
        return "an app cannot wait for itself", ""
    if other not in names:
        return f'no app is called "{other}"', closest(other, names)
    if other in seen:
        return f'"{other}" is given twice', ""
    return None


def _one_listener_each(config: Config) -> Iterator[Wrong]:
    seen: dict[tuple[str, str], str] = {}
    for name, app in config.apps.items():
        for word, held in app.sockets.items():
            first = seen.get((held.listen, held.type))
            if first is not None:
                yield f"apps.{name}.sockets.{word}.listen", f'is also what "{first}" listens on', ""
            seen.setdefault((held.listen, held.type), name)


def _cluster_faults(cluster: Cluster) -> Iterator[Wrong]:
    lists = {"listen": cluster.listen or (), "advertise": cluster.advertise}
    for key, addresses in lists.items():
        for index, address in enumerate(addresses):
            where = f"cluster.{key}[{index}]"
            yield from _read(where, address, words.link_address, "an address such as tcp://0.0.0.0:7791")
            if key == "advertise" and "*" in address:
                yield where, "others cannot connect to *; name the host and the port", ""
    if cluster.label is not None:
        yield from _read("cluster.label", cluster.label, words.label_word, 'a name of letters, digits, "-"')
    for word, value in cluster.labels.items():
        for text in (word, value):
            yield from _read(join("cluster.labels", word), text, words.label_word, "words as in {role: edge}")


def _top_faults(config: Config) -> Iterator[Wrong]:
    yield from _one_listener_each(config)
    edges = {
        name: [other for other in (*app.needs, *(after.app for after in app.after)) if other != name]
        for name, app in config.apps.items()
    }
    for cycle in find_cycles(edges):
        yield f"apps.{cycle[0]}", f"waits for itself: {' -> '.join(cycle)}", ""
    if config.bus.tcp is not None:
        yield from _read("bus.tcp", config.bus.tcp, words.address, "an address such as 0.0.0.0:7700")
    for index, key in enumerate(config.bus.allow):
        if not re.fullmatch("[0-9a-f]{64}", key):
            yield (
                f"bus.allow[{index}]",
                "expected a bus key of 64 hexadecimal digits (`whoami` there shows it)",
                "",
            )
    yield from store_faults(config.store)
    yield from _cluster_faults(config.cluster)
