"""Listening sockets that are held for apps over their runs, so that no restart refuses a connection.

They are made before the first run of an app, handed down to each run from descriptor 3 on, and closed when
the app is stopped or has ended. In between, connections wait in their backlog.
"""

import errno
import fcntl
import os
import select
import socket
import stat
from collections.abc import Iterator
from typing import Final, NamedTuple

from viscript.keeper.protocol import Refusal

FIRST: Final = 3  # the descriptor of the first one in the app
MOST: Final = 32
UNIX: Final = "unix:"
_LOWEST: Final = 64  # where we hold them: clear of what they become in the app
_KINDS: Final = {"stream": socket.SOCK_STREAM, "datagram": socket.SOCK_DGRAM}


class Listen(NamedTuple):
    """A socket that an app wants: `unix:/PATH`, `HOST:PORT` or `[HOST]:PORT`."""

    name: str
    address: str
    kind: str = "stream"
    backlog: int = 1024
    mode: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same socket under another name."""
        return self.address, self.kind


class Held(NamedTuple):
    """One that is open; `inode` is that of a unix socket's file."""

    fd: int
    inode: int | None


class Sockets:
    """All sockets of one keeper, by app."""

    def __init__(self) -> None:
        self._held: dict[int, dict[tuple[str, str], Held]] = {}

    def prepare(self, seq: int, wanted: tuple[Listen, ...]) -> tuple[int, ...]:
        """Their descriptors in order; what is open stays open. Raises `Refusal`."""
        mine = self._held.get(seq)
        if not wanted and mine is None:
            return ()
        mine = self._held.setdefault(seq, {})
        for key in mine.keys() - {listen.key for listen in wanted}:
            _close(key, mine.pop(key))
        for listen in wanted:
            if listen.key in mine and not _is_reached(listen, mine[listen.key]):
                _close(listen.key, mine.pop(listen.key))
            if listen.key not in mine:
                mine[listen.key] = self._open(listen)
            self._adjust(listen, mine[listen.key])
        return tuple(mine[listen.key].fd for listen in wanted)

    def trial(self, seq: int, wanted: tuple[Listen, ...]) -> Iterator[tuple[Listen, Refusal]]:
        """Those that `prepare` could not open now, and why; nothing is changed."""
        mine = self._held.get(seq, {})
        for listen in wanted:
            if listen.key in mine:
                continue
            try:
                held = self._open(listen)
            except Refusal as exc:
                if not (exc.code == "address-taken" and any(_same_port(listen, key) for key in mine)):
                    yield listen, exc
            else:
                _close(listen.key, held)

    def close(self, seq: int) -> None:
        """Refuse connections from now on."""
        for key, held in self._held.pop(seq, {}).items():
            _close(key, held)

    def held(self) -> Iterator[tuple[int, str, str, int]]:
        """App, address, kind and descriptor of each."""
        for seq, mine in self._held.items():
            for (address, kind), held in mine.items():
                yield seq, address, kind, held.fd

    def take(self, seq: int, address: str, kind: str, fd: int) -> None:
        """Go on with one that was held before we became this program."""
        self._held.setdefault(seq, {})[address, kind] = Held(fd, _inode(address))

    def leave(self) -> None:
        """Let go of our ends; what runs keeps its own."""
        for _, _, _, fd in self.held():
            os.close(fd)
        self._held.clear()

    def _open(self, listen: Listen) -> Held:
        try:
            fd = _bind(listen)
        except OSError as exc:
            raise self._refusal(listen, exc) from exc
        return Held(fd, _inode(listen.address))

    def _adjust(self, listen: Listen, held: Held) -> None:
        """What may have changed since it was opened, by the configuration or by a run before."""
        try:
            os.set_blocking(held.fd, True)
            if listen.mode is not None and held.inode is not None:
                _set_mode(listen.address.removeprefix(UNIX), listen.mode, held.inode)
            if listen.kind == "stream":  # after the mode: until then it refuses connections
                with socket.socket(fileno=os.dup(held.fd)) as sock:
                    sock.listen(listen.backlog)
        except OSError as exc:
            raise self._refusal(listen, exc) from exc

    def _refusal(self, listen: Listen, exc: OSError) -> Refusal:
        text = f"socket {listen.name}: cannot listen on {listen.address}: {exc.strerror or exc}"
        others = [seq for seq, address, kind, _ in self.held() if (address, kind) == listen.key]
        if others:
            text += f" (it is held for [{others[0]}] here)"
        return Refusal("address-taken" if exc.errno == errno.EADDRINUSE else "no-address", text)


def _bind(listen: Listen) -> int:
    family, where = _where(listen.address)
    with socket.socket(family, _KINDS[listen.kind]) as sock:
        if isinstance(where, str):
            _clear(where, listen.kind)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        return fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, _LOWEST)


def _same_port(listen: Listen, key: tuple[str, str]) -> bool:
    """Whether it may only be in the way of one that is closed before: `127.0.0.1:80` of `0.0.0.0:80`."""
    address, kind = key
    ports = {each.rpartition(":")[2] for each in (address, listen.address)}
    return kind == listen.kind and not address.startswith(UNIX) and len(ports) == 1


def _is_reached(listen: Listen, held: Held) -> bool:
    """Whether who connects gets there: a run may have shut it down, anybody may have taken its file away."""
    poll = select.poll()
    poll.register(held.fd, select.POLLIN)
    if any(seen & select.POLLHUP for _, seen in poll.poll(0)):
        return False
    return not listen.address.startswith(UNIX) or _inode(listen.address) == held.inode is not None


def _set_mode(path: str, mode: int, inode: int) -> None:
    """Of that very socket: the folder may be the app's user's, who may put a link in its place meanwhile."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC) if hasattr(os, "O_PATH") else -1
    try:
        found = os.fstat(fd) if fd >= 0 else os.lstat(path)
        if found.st_ino != inode or stat.S_IMODE(found.st_mode) == mode:
            return
        if fd >= 0:
            os.chmod(f"/proc/self/fd/{fd}", mode)
        else:
            os.chmod(path, mode, follow_symlinks=False)
    finally:
        if fd >= 0:
            os.close(fd)


def _where(address: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    if address.startswith(UNIX):
        return socket.AF_UNIX, address.removeprefix(UNIX)
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    return socket.AF_INET6 if ":" in host else socket.AF_INET, (host, int(port))


def _clear(path: str, kind: str) -> None:
    """Take away the file of a socket that nobody holds any more."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, _KINDS[kind]) as sock:
            sock.setblocking(False)
            sock.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)
    except OSError:
        return  # no file, or somebody is there: the bind will say


def _inode(address: str) -> int | None:
    try:
        return os.lstat(address.removeprefix(UNIX)).st_ino if address.startswith(UNIX) else None
    except OSError:
        return None


def _close(key: tuple[str, str], held: Held) -> None:
    os.close(held.fd)
    address = key[0]
    if held.inode is not None and _inode(address) == held.inode:
        os.unlink(address.removeprefix(UNIX))
