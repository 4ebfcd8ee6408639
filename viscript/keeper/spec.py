"""What a launch carries: how to run the app and what to do when it ends. Pure; checks every field.

Unknown fields are ignored: a newer daemon may talk to an older keeper.
"""

import math
import os
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from viscript.keeper.ceilings import Ceilings
from viscript.keeper.fence import Fence
from viscript.keeper.protocol import Json, Refusal
from viscript.keeper.sockets import MOST, Listen


class Log(NamedTuple):
    """Where output goes and when it is rotated; without a folder it is drained and dropped."""

    dir: str | None = None
    max_bytes: int = 10 * 1024 * 1024
    backups: int = 5
    file: str | None = None


class Spec(NamedTuple):
    """How to run an app."""

    argv: tuple[str, ...]
    cwd: str | None = None
    env: Mapping[str, str | None] = {}
    inherit: bool = True
    user: str | None = None
    group: str | None = None
    umask: int | None = None
    nice: int | None = None
    rlimits: Mapping[str, tuple[int, int]] = {}
    tty: bool = False
    stdin: str = "null"
    merge: bool = True
    log: Log = Log()
    cgroup: bool = False
    ceilings: Ceilings | None = None
    sockets: tuple[Listen, ...] = ()
    forking: bool = False
    cols: int = 80
    rows: int = 24
    token_key: str | None = None  # of an app that joins the bus over tcp (see tokens.py)
    fence: Fence | None = None  # of an app that may run on one host only


class Policy(NamedTuple):
    """What to do when the app ends by itself."""

    policy: str = "on-failure"
    delay: float = 1.0
    max_delay: float = 60.0
    jitter: float = 0.2
    burst: int = 5
    window: float = 60.0
    give_up: str = "never"
    success_codes: tuple[int, ...] | None = None
    daemon: bool = False
    settle: float = 1.0
    leftover_grace: float | None = 10.0


Check = Callable[[Any], Any]  # JSON in, the value for the field out; ValueError or TypeError when wrong
NO_LIMIT: Final = -1
_SECRET_DIGITS: Final = 64


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("must be text without NUL")
    try:
        os.fsencode(value)
    except UnicodeEncodeError as exc:
        raise ValueError("must be text that the system can take") from exc
    return sys.intern(value)  # a thousand apps have much text in common


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _whole(low: int, high: int) -> Check:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"must be a number from {low} to {high}")
        return float(value)

    return check


def _one_of(*words: str) -> Check:
    def check(value: object) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return check


def _optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _list_of(check: Check) -> Check:
    def each(value: object) -> tuple[Any, ...]:  # as `check` gives them
        if not isinstance(value, list | tuple):
            raise ValueError("must be a list")
        return tuple(check(item) for item in value)

    return each


def _secret(value: object) -> str:
    text = _text(value)
    if len(text) != _SECRET_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise ValueError(f"must be {_SECRET_DIGITS} hexadecimal digits")
    return text


def _argv(value: object) -> tuple[str, ...]:
    argv: tuple[str, ...] = _list_of(_text)(value)
    if not argv or not argv[0]:
        raise ValueError("must name a program")
    return argv


def _env(value: object) -> dict[str, str | None]:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    for name in value:
        if not _text(name) or "=" in name:
            raise ValueError(f"{name!r} cannot be the name of a variable")
    return {name: None if text is None else _text(text) for name, text in value.items()}


def _octal(value: object) -> int:
    number = int(value, 8) if isinstance(value, str) else value
    if not isinstance(number, int) or not 0 <= number <= 0o777:
        raise ValueError("must be a mask such as 022")
    return number


def _limit(value: object) -> int:
    if value in ("unlimited", "infinity", NO_LIMIT):
        return NO_LIMIT
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 63:
        raise ValueError("must be a number or unlimited")
    return number


def _rlimits(value: object) -> dict[str, tuple[int, int]]:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    limits = {}
    for name, limit in value.items():
        pair = limit if isinstance(limit, list | tuple) else (limit, limit)
        if len(pair) != 2:
            raise ValueError(f"{name} must be one limit, or a soft and a hard one")
        limits[_text(name).lower().removeprefix("rlimit_")] = (_limit(pair[0]), _limit(pair[1]))
    return limits


def _sockets(value: object) -> tuple[Listen, ...]:
    sockets: tuple[Listen, ...] = _list_of(_listen)(value)
    if len(sockets) > MOST:
        raise ValueError(f"must not be more than {MOST}")
    return sockets


def _listen(value: object) -> Listen:
    fields = _checked("sockets", value, _SOCKET)
    if not {"name", "address"} <= fields.keys():
        raise ValueError("each must have a name and an address")
    return Listen(**fields)


def _address(value: object) -> str:
    address = _text(value)
    if address.startswith("unix:/"):
        return address
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal() and int(port) < 1 << 16):
        raise ValueError("must be unix:/PATH, HOST:PORT or [HOST]:PORT")
    return address


def _ceilings(value: object) -> Ceilings:
    return Ceilings(**_checked("ceilings", value, _CEILINGS))


def _fence(value: object) -> Fence:
    fields = _checked("fence", value, _FENCE)
    if fields.keys() != _FENCE.keys():
        raise ValueError(f"must have {', '.join(_FENCE)}")
    return Fence(**fields)


def _file(value: object) -> str:
    path = _text(value)
    if not os.path.isabs(path):
        raise ValueError("must be an absolute path")
    return path


def _log(value: object) -> Log:
    return Log(**_checked("log", value, _LOG))


_SECONDS: Final = _number(0, 1e9)
_LOG: Final[dict[str, Check]] = {
    "dir": _optional(_text),
    "max_bytes": _whole(4096, 1 << 50),
    "backups": _whole(0, 10_000),
    "file": _optional(_text),
}
_SOCKET: Final[dict[str, Check]] = {
    "name": _text,
    "address": _address,
    "kind": _one_of("stream", "datagram"),
    "backlog": _whole(1, 1 << 30),
    "mode": _optional(_octal),
}
_CEILINGS: Final[dict[str, Check]] = {
    "memory": _optional(_whole(1, (1 << 63) - 1)),
    "cpu": _optional(_number(0, 1e9)),
    "threads": _optional(_whole(1, 1 << 31)),
}
_FENCE: Final[dict[str, Check]] = {
    "lease": _text,
    "key": _text,
    "revision": _whole(0, (1 << 63) - 1),
    "file": _file,
}
_SPEC: Final[dict[str, Check]] = {
    "argv": _argv,
    "cwd": _optional(_text),
    "env": _env,
    "inherit": _flag,
    "user": _optional(_text),
    "group": _optional(_text),
    "umask": _optional(_octal),
    "nice": _optional(_whole(-20, 19)),
    "rlimits": _rlimits,
    "tty": _flag,
    "stdin": _one_of("null", "pipe"),
    "merge": _flag,
    "log": _log,
    "cgroup": _flag,
    "ceilings": _optional(_ceilings),
    "sockets": _sockets,
    "forking": _flag,
    "cols": _whole(1, 65_535),
    "rows": _whole(1, 65_535),
    "token_key": _optional(_secret),
    "fence": _optional(_fence),
}
_POLICY: Final[dict[str, Check]] = {
    "policy": _one_of("on-failure", "always", "never"),
    "delay": _SECONDS,
    "max_delay": _SECONDS,
    "jitter": _number(0, 1),
    "burst": _whole(0, 1_000_000),
    "window": _SECONDS,
    "give_up": _one_of("never", "after burst"),
    "success_codes": _optional(_list_of(_whole(0, 255))),
    "daemon": _flag,
    "settle": _SECONDS,
    "leftover_grace": _optional(_SECONDS),
}


def _checked(where: str, value: object, fields: Mapping[str, Check]) -> dict[str, Any]:  # by field name
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be an object")
    checked = {}
    for name, check in fields.items():
        if name not in value:
            continue
        try:
            checked[name] = check(value[name])
        except (ValueError, TypeError, OverflowError) as exc:
            raise ValueError(f"{where}.{name}: {exc}") from exc
    return checked


def spec_from(value: object) -> Spec:
    """The checked spec. Raises `Refusal` `bad-spec` that names the field."""
    try:
        spec = Spec(**_checked("spec", value, _SPEC))
    except (ValueError, TypeError) as exc:
        raise Refusal("bad-spec", str(exc) if "argv" not in str(exc) else f"spec.argv: {exc}") from exc
    if spec.fence is not None and spec.forking:
        raise Refusal("bad-spec", "spec.fence: an app that leaves its place to a child cannot be fenced")
    if spec.fence is not None and sys.platform != "linux":
        raise Refusal("bad-spec", f"spec.fence: only Linux ends an app in time; this is {sys.platform}")
    return spec


def fence_from(value: object) -> Fence:
    """A checked fence. Raises `Refusal` `bad-spec`."""
    try:
        return _fence(value)
    except (ValueError, TypeError) as exc:
        raise Refusal("bad-spec", f"fence: {exc}") from exc


def policy_from(value: object) -> Policy:
    """The checked policy. Raises `Refusal` `bad-spec` that names the field."""
    try:
        return _shared(Policy(**_checked("policy", value if value is not None else {}, _POLICY)))
    except ValueError as exc:
        raise Refusal("bad-spec", str(exc)) from exc


@lru_cache(maxsize=256)
def _shared(policy: Policy) -> Policy:
    """The one policy of all apps whose policies are alike."""
    return policy


def seconds_from(request: Json, name: str, default: float) -> float:
    """A time span of a request. Raises `Refusal` `bad-request`."""
    value = request.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise Refusal("bad-request", f"{name} must be a number of seconds")
    return float(value)


def as_json(value: Spec | Policy) -> Json:
    """The form in which a spec or policy is journalled and sent; not to be changed."""
    if isinstance(value, Policy):
        return _policy_json(value)
    ceilings = value.ceilings and value.ceilings._asdict()
    sockets = [listen._asdict() for listen in value.sockets]
    fence = value.fence and value.fence._asdict()
    parts = {"log": value.log._asdict(), "ceilings": ceilings, "sockets": sockets, "fence": fence}
    return {**value._asdict(), **parts}


@lru_cache(maxsize=256)
def _policy_json(policy: Policy) -> Json:
    return policy._asdict()
