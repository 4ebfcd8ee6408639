"""Makes a process from a spec: finds the program, opens its ends, spawns without ever forking our heap.

`posix_spawn` (vfork inside) makes 2,400 processes a second whatever our size; working folder, tag and the
soft limit on descriptors are set on ourselves for that moment, since we have one thread. What can only be
set in the new process (user, group, mask, nice, limits) goes through `exechelper`.
"""

import errno
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from viscript.keeper import tokens
from viscript.keeper.host import Host
from viscript.keeper.protocol import Refusal
from viscript.keeper.sockets import FIRST
from viscript.keeper.spec import Spec

# Python ignores some of these, a shell's background job others; an app gets them as the system means them.
_RESET: Final = tuple(
    number
    for name in (
        "HUP",
        "INT",
        "QUIT",
        "PIPE",
        "ALRM",
        "TERM",
        "CHLD",
        "TSTP",
        "TTIN",
        "TTOU",
        "XFSZ",
        "USR1",
        "USR2",
    )
    if (number := getattr(signal, f"SIG{name}", None)) is not None
)
_NULL: Final = "/dev/null"
_TRIAL_TIMEOUT_S: Final = 10.0
_HOME_FOLDER: Final = "/"  # where the keeper itself stands


Program = tuple[str, list[str], Mapping[str, str]]  # what is executed, its arguments, its environment


class Ends(NamedTuple):
    """The paths an app's descriptors are opened from; a terminal is all three."""

    stdin: str
    stdout: str
    stderr: str
    terminal: bool = False
    sockets: tuple[int, ...] = ()  # descriptors of ours, which it gets from `FIRST` on


def environment(base: Mapping[str, str], spec: Spec, seq: int, gen: int) -> dict[str, str]:
    """What the app gets: the base, the spec's changes (null removes), and who it is."""
    merged: dict[str, str | None] = {**(base if spec.inherit else {}), **spec.env}
    merged["VISCRIPT_SEQ"] = str(seq)
    merged["VISCRIPT_GENERATION"] = str(gen)
    if spec.fence is not None:
        merged["VISCRIPT_FENCE"] = str(spec.fence.revision)
    if spec.token_key is not None:
        merged["VISCRIPT_TOKEN_FD"] = str(tokens.DESCRIPTOR)
    return {name: text for name, text in merged.items() if text is not None}


def find_program(spec: Spec, environ: Mapping[str, str]) -> str:
    """The path to execute. Raises `Refusal` `no-cwd`, `not-found` or `not-executable`."""
    folder = spec.cwd or _HOME_FOLDER
    if not os.path.isdir(folder):
        raise Refusal("no-cwd", f"the working folder {folder} does not exist")
    name = spec.argv[0]
    if "/" in name:
        path = os.path.normpath(os.path.join(folder, name))
        if not (os.access(path, os.X_OK) and os.path.isfile(path)):
            raise _unusable(path)
        return path
    places = environ.get("PATH", os.defpath)
    for place in places.split(":"):
        path = os.path.join(folder, place, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise Refusal("not-found", f"{name} is in no folder of PATH ({places})")


def _unusable(path: str) -> Refusal:
    """What is wrong with a path that cannot be executed."""
    if not os.path.lexists(path):
        return Refusal("not-found", f"{path} does not exist")
    if os.path.isdir(path):
        return Refusal("not-executable", f"{path} is a folder")
    if not os.path.exists(path):
        return Refusal("not-found", f"{path} is a link to nothing")
    return Refusal("not-executable", f"{path} is not executable")


def command(spec: Spec, path: str) -> tuple[str, list[str]]:
    """What to execute: the program itself, or the helper in front of it."""
    options = _helper_options(spec)
    if not options:
        return path, list(spec.argv)
    _check_rights(spec)
    argv = [*_alone("exechelper.py"), *options, "--", path, *spec.argv]
    if spec.fence is not None:
        argv = [*_alone("warden.py"), spec.fence.file, "--", sys.executable, *argv]
    return sys.executable, argv


def _alone(name: str) -> list[str]:
    """The command that runs a file of this folder without anything of ours or of others."""
    folder = os.path.dirname(os.path.abspath(__file__))
    return [sys.executable, "-I", "-S", os.path.join(folder, name)]


def _helper_options(spec: Spec) -> list[str]:
    options: list[str] = []
    for name in ("user", "group", "umask", "nice"):
        value = getattr(spec, name)
        if value is not None:
            options += [f"--{name}", str(value)]
    if spec.sockets:
        options += ["--listen", ":".join(listen.name for listen in spec.sockets)]
    for name, (soft, hard) in spec.rlimits.items():
        if not hasattr(resource, f"RLIMIT_{name.upper()}"):
            raise Refusal("bad-spec", f"spec.rlimits: {name} is no limit of this system")
        options += ["--rlimit", f"{name}={soft}:{hard}"]
    if spec.fence is not None:
        options += ["--tied", "yes"]
    return options


def _check_rights(spec: Spec) -> None:
    import grp
    import pwd

    try:
        uid = os.geteuid() if spec.user is None else _id(spec.user, lambda name: pwd.getpwnam(name).pw_uid)
        gid = os.getegid() if spec.group is None else _id(spec.group, lambda name: grp.getgrnam(name).gr_gid)
    except KeyError as exc:
        raise Refusal("no-user", f"this host knows no user or group {exc.args[0]!r}") from exc
    if os.geteuid() != 0 and (uid != os.geteuid() or gid not in (os.getegid(), *os.getgroups())):
        raise Refusal("not-permitted", "only root may run an app as another user or group")


def _id(name: str, look_up: Callable[[str], int]) -> int:
    if name.isdecimal():
        return int(name)
    try:
        return look_up(name)
    except KeyError:
        raise KeyError(name) from None


class Spawner:
    """Makes processes; holds what must be put back on ourselves afterwards."""

    def __init__(self, host: Host, *, nofile: int | None = None) -> None:
        self._host = host
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.nofile = soft if nofile is None else nofile  # the soft limit that apps get
        self._nofile_hard = hard
        self._raise_nofile()

    def spawn(self, seq: int, spec: Spec, environ: Mapping[str, str], ends: Ends, secret: str = "") -> int:
        """The new leader's pid, in a session of its own; it finds `secret` in a pipe. Raises `Refusal`."""
        path, argv = command(spec, find_program(spec, environ))
        with tokens.pipe(secret) as handed:
            return self._spawn(seq, spec.cwd, (path, argv, environ), ends, handed)

    def _spawn(
        self, seq: int, cwd: str | None, program: Program, ends: Ends, handed: Mapping[int, int]
    ) -> int:
        try:
            os.chdir(cwd or _HOME_FOLDER)
        except OSError as exc:
            raise Refusal("no-cwd", f"cannot enter {cwd}: {exc.strerror}") from exc
        try:
            self._host.set_tag(seq)
            self._lower_nofile()
            return _posix_spawn(*program, ends, handed)
        except OSError as exc:
            raise _refusal(program[0], exc) from exc
        finally:
            self._raise_nofile()
            self._host.clear_tag()
            os.chdir(_HOME_FOLDER)

    def _lower_nofile(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.nofile, self._nofile_hard))

    def _raise_nofile(self) -> None:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._nofile_hard, self._nofile_hard))
        except (OSError, ValueError):
            return  # some systems refuse "unlimited" here; then we live with what we have


def _posix_spawn(
    path: str, argv: list[str], environ: Mapping[str, str], ends: Ends, handed: Mapping[int, int]
) -> int:
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
    if ends.terminal:  # opened first in a new session, it becomes its terminal
        actions += [(os.POSIX_SPAWN_OPEN, 0, ends.stdin, os.O_RDWR, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
    else:
        mode = os.O_RDONLY if ends.stdin == _NULL else os.O_RDWR
        actions += [(os.POSIX_SPAWN_OPEN, 0, ends.stdin, mode, 0)]
        actions += [(os.POSIX_SPAWN_OPEN, 1, ends.stdout, os.O_RDWR, 0)]
        if ends.stderr == ends.stdout:
            actions += [(os.POSIX_SPAWN_DUP2, 1, 2)]
        else:
            actions += [(os.POSIX_SPAWN_OPEN, 2, ends.stderr, os.O_RDWR, 0)]
    handed = {**handed, **{ours: its for its, ours in enumerate(ends.sockets, FIRST)}}
    actions += [(os.POSIX_SPAWN_DUP2, ours, its) for ours, its in handed.items()]
    return os.posix_spawn(
        path,
        argv,
        environ,
        file_actions=actions,
        setsid=True,
        setsigmask=(),
        setsigdef=_RESET,
    )


def _refusal(path: str, exc: OSError) -> Refusal:
    if isinstance(exc, FileNotFoundError):
        return Refusal("not-found", f"{path} cannot be executed: its interpreter does not exist")
    if isinstance(exc, PermissionError):
        return Refusal("not-executable", f"{path} cannot be executed: {exc.strerror}")
    if exc.errno == errno.ENOEXEC:
        return Refusal("spawn", f"{path} cannot be executed: no program of this machine, nor a #! line")
    return Refusal("spawn", f"{path} cannot be executed: {exc.strerror}")


def spawn_plain(argv: tuple[str, ...]) -> int:
    """A process of ours that is no app, with our environment and error output. Raises OSError."""
    return os.posix_spawn(
        argv[0],
        list(argv),
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, _NULL, os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, 2, 1)],
        setsid=True,
        setsigmask=(),
        setsigdef=_RESET,
    )


def try_out(argv: tuple[str, ...]) -> None:
    """Have another version load once, beside us. Raises `Refusal` when it does not."""
    read, write = os.pipe()
    try:
        # Its exit goes to the reaper like that of any orphan; what it says is what counts.
        os.posix_spawn(
            argv[0], [*argv, "--check"], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)]
        )
    except OSError as exc:
        raise Refusal("spawn", f"{argv[0]} cannot be executed: {exc.strerror}") from exc
    finally:
        os.close(write)
    try:
        if b"ok" not in _said(read):
            raise Refusal("spawn", "the new version does not load; see the keeper's log")
    finally:
        os.close(read)


def _said(fd: int) -> bytes:
    data = b""
    until = time.monotonic() + _TRIAL_TIMEOUT_S
    while (left := until - time.monotonic()) > 0 and select.select([fd], [], [], left)[0]:
        piece = os.read(fd, 64)
        if not piece:
            break
        data += piece
    return data
