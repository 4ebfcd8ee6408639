"""The app server: a unix socket of mode 0600, a session for each app, and the mesh's way to them.

    async with AppServer(path, mesh) as server:
        ...                       # the mesh calls server.offered(offer) and server.message(...)

Leaving the block hangs up on all apps and removes the socket.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from components.mesh.errors import Busy, CallerError, reason
from components.visor.apps import place
from components.visor.apps.dialler import Dialler, Offer
from components.visor.apps.letters import Mail
from components.visor.apps.limits import Bounds
from components.visor.apps.messages import Datagram
from components.visor.apps.node import Names, Node, only_keys
from components.visor.apps.session import AppSession
from components.visor.apps.streams import OpenStream
from components.visor.plane.streams.api import Code
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

BACKLOG: Final = 64
PAUSE_S: Final = 0.2  # after an accept that failed: no descriptor left


class AppServer:
    """Serves the apps of one visor. `port` adds a name for apps that know the address as host:port, and
    `beside` is where they look for it as well.

    `names` tells what apps mean by a text; without it they name peers by whole keys.
    `mail` carries their letters.
    """

    def __init__(
        self,
        path: Path,
        mesh: Dialler,
        *,
        port: int | None = None,
        beside: Path | None = None,
        bounds: Bounds | None = None,
        names: Names = only_keys,
        mail: Mail | None = None,
    ) -> None:
        self.path = path
        self._names = [] if port is None else [place.port_link(path, port)]
        self._names += [beside] if beside is not None and beside != path else []
        self._mesh = mesh
        self._bounds = bounds or Bounds()
        self._apps: set[AppSession] = set()
        self._tasks = asyncio.TaskGroup()
        self._node = Node(mesh, self._tasks, self._bounds, names, mail)
        self._listener: socket.socket | None = None
        self._pause: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        """Raises `CallerError` when the path cannot be used, or another visor serves there."""
        self._listener = listen(self.path)
        await self._tasks.__aenter__()
        for name in self._names:
            try:
                _link(name, self._target(name))
            except OSError as exc:  # its own name serves
                log.warning("apps do not find the visor at %s: %s", name, reason(exc))
        self._watch()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        await self._tasks.__aexit__(None, None, None)

    def tell(self, opened: Callable[[str, OpenStream], None]) -> None:
        """Whom to tell of each stream of an app, by the app's name."""
        self._node.opened = opened

    def hang_up(self) -> None:
        """Take no more apps, and end all that are here: their streams are broken off."""
        self._stop_listening()
        for app in tuple(self._apps):
            app.close("the visor ends")

    @property
    def apps(self) -> tuple[AppSession, ...]:
        """The apps that are there now; for the visor's own verbs."""
        return tuple(self._apps)

    def listens(self, port: int) -> bool:
        """Whether an app has this port."""
        return self._node.ports.listener(port) is not None

    # -- apps come

    def _watch(self) -> None:
        self._pause = None
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as exc:
            log.warning("could not take an app's connection: %s", reason(exc))
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener.fileno())
            self._pause = loop.call_later(PAUSE_S, self._watch)
            return
        if len(self._apps) >= self._bounds.apps:
            log.warning("turned an app away: %s", Busy("apps", self._bounds.apps))
            sock.close()
        elif not place.same_user(sock):
            log.warning("turned an app away: it is run by another user")
            sock.close()
        else:
            self._begin(sock)

    def adopt(self, sock: socket.socket) -> None:
        """Serve one that came otherwise: a remote app. Raises `Busy`, and closes the socket."""
        if self._listener is None or len(self._apps) >= self._bounds.apps:
            sock.close()
            raise Busy("apps", self._bounds.apps)
        self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        self._apps.add(AppSession(self._node, sock, self._apps.discard))

    def _stop_listening(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()
        self._listener = None
        self.path.unlink(missing_ok=True)
        for name in self._names:
            with suppress(OSError):  # the folder went
                if name.is_symlink() and name.readlink() == self._target(name):
                    name.unlink()

    def _target(self, name: Path) -> Path:
        return Path(self.path.name) if name.parent == self.path.parent else self.path.absolute()

    # -- the mesh comes

    def offered(self, offer: Offer) -> None:
        """A peer wants a stream."""
        app = self._node.ports.listener(offer.port)
        if app is None:
            offer.refuse(Code.REFUSED)
        else:
            app.offered(offer)

    def message(self, peer: PublicKey, port: int, source: int, body: bytes | memoryview) -> bool:
        """A message came from a peer; false when it was dropped."""
        return self._node.deliver(Datagram(port, peer, source, bytes(body)))


def listen(path: Path) -> socket.socket:
    """A listening unix socket of mode 0600. Raises `CallerError`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with place.short(path) as name:
            _remove_stale(name)
            return _bound(name)
    except OSError as exc:
        raise CallerError(f"apps cannot be served at {path}: {reason(exc)}") from exc


def _bound(name: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        sock.setblocking(False)
        sock.bind(name)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(mask)
    return sock


def _link(name: Path, target: Path) -> None:
    """Let a socket be found as `name` too. Raises `OSError` when another visor answers there."""
    name.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if name.is_symlink():
        name.unlink()
    with place.short(name) as spelled:
        _remove_stale(spelled)
    name.symlink_to(target)


def _remove_stale(name: str) -> None:
    """Remove what a dead visor left. Raises `OSError` when one answers there."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except ConnectionRefusedError:
            if not Path(name).is_socket():
                raise OSError(errno.EEXIST, "a file that is no socket is there") from None
            Path(name).unlink()
            return
        except BlockingIOError:  # it lives, and its queue is full
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
