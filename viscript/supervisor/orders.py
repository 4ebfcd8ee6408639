"""What the keeper is told about a launch: spec and policy as its protocol has them; looks up paths."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET

from viscript.config import words
from viscript.config.model import App, Limits, Socket, success_codes
from viscript.config.suggest import look_alikes
from viscript.errors import ViscriptError
from viscript.supervisor import piped
from viscript.supervisor.api import Deployed
from viscript.supervisor.instance import Managed
from viscript.supervisor.limits import NONE as NO_LIMITS

SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class CannotStart(ViscriptError):
    """A start that cannot succeed however often it is tried."""

    def __init__(self, cause: str, text: str, *, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.cause = cause
        self.text = text
        self.suggestions = suggestions


def log_folder(logs: str, seq: int, name: str) -> str:
    """Where the output of one id is kept; the name is made safe for a file."""
    safe = "".join(c if c in SAFE else "_" for c in name)[:64]
    return f"{logs}/{seq}-{safe}"


def logged_name(logs: str, seq: int) -> str:
    """The name under which an id wrote its log, for a store that forgot it; empty when it wrote none."""
    return next((name.partition("-")[2] for name in _names(Path(logs)) if name.startswith(f"{seq}-")), "")


def newest_folder(logs: str) -> int:
    """The highest id that ever wrote a log, for a store that lost count; 0 for none."""
    numbers = (name.partition("-")[0] for name in _names(Path(logs)))
    return max((int(number) for number in numbers if number.isascii() and number.isdecimal()), default=0)


def find_program(program: str, folder: str, search: str) -> str:
    """The executable for `program`: in the file's folder first, then on PATH. Raises `CannotStart`."""
    local = Path(folder, program)
    if "/" in program or local.is_file():
        return _usable(local)
    for entry in search.split(os.pathsep):
        candidate = Path(entry or ".", program)
        if _is_program(candidate):
            return str(candidate)
    near = look_alikes(program, _programs(search), most=3, cutoff=0.75)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise CannotStart(
        "path-missing",
        f"{program}: no such program in {folder} or on PATH ({search}){hint}",
        suggestions=near,
    )


def _usable(path: Path) -> str:
    if _is_program(path):
        return str(path)
    if not path.exists():
        near = look_alikes(path.name, _names(path.parent), most=3)
        hint = f"; {path.parent} has {', '.join(near)}" if near else ""
        raise CannotStart("path-missing", f"there is no file {path}{hint}", suggestions=near)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no plain file"
        raise CannotStart("not-executable", f"{path} is {what}")
    raise CannotStart("not-executable", f"{path} is not executable (chmod +x it?)")


def _is_program(path: Path) -> bool:
    """Asked at each start: `Path.is_file` takes three times as long."""
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _programs(search: str) -> list[str]:
    return [name for entry in search.split(os.pathsep) if entry for name in _names(Path(entry))]


def working_folder(managed: Managed) -> str:
    """Where the app runs, and the commands that check it or prepare its stop."""
    return str(Path(managed.entry.folder, managed.entry.spec.cwd or "."))


def spec_for(
    managed: Managed,
    *,
    env: Mapping[str, str | None],
    search: str,
    token_key: str | None = None,
) -> dict[str, Any]:
    """The `spec` of a launch. Raises `CannotStart`."""
    spec = managed.entry.spec
    argv = [*managed.entry.argv, *managed.args]
    argv[0] = find_program(argv[0], managed.entry.folder, search)
    cwd = working_folder(managed)
    if not os.path.isdir(cwd):  # noqa: PTH112 (asked at each start)
        raise CannotStart("no-cwd", f"cwd: there is no folder {cwd}")
    return {
        "argv": piped.command(spec, argv),
        "cwd": cwd,
        "env": dict(env),
        "inherit": spec.inherit_env,
        "user": spec.user,
        "group": spec.group_id,
        "umask": None if spec.umask is None else int(spec.umask, 8),
        "nice": spec.nice,
        "rlimits": spec.rlimits,
        "tty": spec.tty,
        "stdin": stdin_kind(spec),
        "merge": spec.output.merge,
        "forking": spec.forking,
        **_limits(spec.limits),
        **_sockets(spec.sockets, managed.entry.folder),
        **_fence(managed.entry.deployed),
        "token_key": token_key,
        "log": _log_for(managed),
    }


def spec_to_run_on(managed: Managed) -> dict[str, Any]:
    """The `spec` of one that runs and could not be launched again: where its output goes."""
    spec = managed.entry.spec
    return {
        "argv": [*managed.entry.argv, *managed.args],
        "stdin": stdin_kind(spec),
        "merge": spec.output.merge,
        "log": _log_for(managed),
    }


def _log_for(managed: Managed) -> dict[str, Any]:
    output = managed.entry.spec.output
    return {
        "dir": managed.log_dir,
        "max_bytes": output.max_bytes,
        "backups": output.backups,
        "file": _output_file(managed.entry.spec, managed.entry.folder),
    }


def _limits(limits: Limits) -> dict[str, Any]:
    """A group, and the ceilings of what is not only warned of."""
    if limits == NO_LIMITS:
        return {}
    ends = {
        kind: limit.max
        for kind in ("memory", "cpu", "threads")
        if (limit := getattr(limits, kind)) is not None and limit.action != "warn"
    }
    return {"cgroup": True, "ceilings": ends}


def _fence(deployed: Deployed | None) -> dict[str, Any]:
    """What an exclusive instance is held by."""
    if deployed is None or not deployed.fence:
        return {}
    fence = {"lease": deployed.lease, "key": deployed.key}
    return {"fence": {**fence, "revision": deployed.fence, "file": deployed.file}}


def _sockets(sockets: Mapping[str, Socket], folder: str) -> dict[str, Any]:
    """Those that the keeper is to hold; the path of a unix socket is below the file's folder."""
    if not sockets:
        return {}
    held = [
        {
            "name": name,
            "address": words.listening(one.listen, folder),
            "kind": one.type,
            "backlog": one.backlog,
            "mode": None if one.mode is None else words.file_mode(one.mode),
        }
        for name, one in sockets.items()
    ]
    return {"sockets": held}


def stdin_kind(spec: App) -> str:
    """A service reads nothing; other apps can be written to with `send` and `attach`."""
    if spec.stdin is not UNSET:
        return str(spec.stdin)
    return "null" if spec.daemon or spec.pipe else "pipe"


def _output_file(spec: App, folder: str) -> str | None:
    return None if spec.output.file is None else str(Path(folder, spec.output.file))


def policy_for(spec: App) -> dict[str, Any]:
    """The `policy` of a launch: when and how fast the keeper starts it again."""
    policy: dict[str, Any] = msgspec.to_builtins(spec.restart)
    policy["success_codes"] = list(success_codes(spec))
    policy["daemon"] = spec.daemon
    # With a check, only the daemon can tell that a run came up; the keeper's own clock is the last resort.
    policy["settle"] = spec.settle if spec.ready is None else spec.start_timeout
    return policy
