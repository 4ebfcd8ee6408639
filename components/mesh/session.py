"""Sessions on sockets: dial or hear one, within one deadline. The handshake itself is in `handshake`.

A session owns a connected, non-blocking stream socket that no event loop watches: it goes on to a
`ControlChannel`, or to the data plane. Until then, whoever holds the session or the visitor closes it.

    dial, dial_over     our side speaks first    -> Session
    hear                the peer speaks first    -> Visitor; its `accept` gives the Session
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from components.mesh.errors import Gone, TimedOut, Unreachable, reason
from components.mesh.handshake import Asked, Dialler, Responder, Secured
from components.mesh.marked import mark
from components.mesh.record import Opener, Sealer
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

HANDSHAKE_S: Final = 5.0
ANSWER_S: Final = 5.0
READ_BYTES: Final = 16 * 1024
KEEP_ALIVE: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


@dataclass(frozen=True)
class Session:
    """A secured connection to `peer`, opened for `port`. `leftover` are received bytes not yet looked at."""

    secured: Secured
    socket: socket.socket

    @property
    def peer(self) -> PublicKey:
        """Who is at the other end; proven."""
        return self.secured.peer

    @property
    def port(self) -> int:
        """What the session was opened for."""
        return self.secured.port

    @property
    def sealer(self) -> Sealer:
        """For records to the peer."""
        return self.secured.sealer

    @property
    def opener(self) -> Opener:
        """For records from the peer."""
        return self.secured.opener

    @property
    def leftover(self) -> bytes:
        """What was received behind the handshake: the first bytes for the record reader."""
        return self.secured.leftover

    def close(self) -> None:
        """End it. The data plane and `ControlChannel` do so for a session they were given."""
        self.socket.close()


class Visitor:
    """A peer that proved who it is and waits for an answer: `accept` or `refuse` it, or `close`."""

    def __init__(self, sock: socket.socket, responder: Responder, asked: Asked) -> None:
        self.peer = asked.peer
        self.port = asked.port
        self.args = asked.args
        self._socket: socket.socket | None = sock
        self._responder = responder

    async def accept(self, body: msgspec.Struct | None = None) -> Session:
        """Take the session; `body` goes back with the answer. Raises `Gone` or `TimedOut`."""
        data, secured = self._responder.accept(body)
        sock = self._given()
        async with _closing_on_error(sock, "the answer", ANSWER_S):
            await asyncio.get_running_loop().sock_sendall(sock, data)
        return Session(secured, sock)

    async def refuse(self, code: str, text: str = "") -> None:
        """Say why not, and close. Raises `Gone` or `TimedOut`."""
        data = self._responder.refuse(code, text)
        sock = self._given()
        async with _closing_on_error(sock, "the answer", ANSWER_S):
            await asyncio.get_running_loop().sock_sendall(sock, data)
        sock.close()

    def close(self) -> None:
        """Leave without a word, if there was no answer yet."""
        if self._socket is not None:
            self._given().close()

    def _given(self) -> socket.socket:
        """The socket, which is another's from now on."""
        sock, self._socket = self._socket, None
        if sock is None:
            raise Gone("the visitor was closed")
        return sock


async def dial(
    address: tuple[str, int],
    identity: Identity,
    peer: PublicKey,
    port: int,
    args: msgspec.Struct | None = None,
    *,
    deadline_s: float = HANDSHAKE_S,
) -> Session:
    """A session with `peer` at a TCP address, for a mesh port.

    Raises `Unreachable`, `TimedOut` or `Gone` (the world), `Refused`, `WireError` or `TagError` (the peer),
    `BadKey`.
    """
    started = asyncio.get_running_loop().time()
    sock = await connect(address, deadline_s=deadline_s)
    left_s = deadline_s - (asyncio.get_running_loop().time() - started)
    return await dial_over(sock, identity, peer, port, args, deadline_s=left_s)


async def connect(address: tuple[str, int], *, deadline_s: float = HANDSHAKE_S) -> socket.socket:
    """A non-blocking TCP socket to an address; a name's are tried in turn. `Unreachable` or `TimedOut`."""
    where = f"{address[0]}:{address[1]}"
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline_s):
            found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
            for number, (family, kind, protocol, _, target) in enumerate(found, start=1):
                sock = socket.socket(family, kind, protocol)
                mark(sock)
                try:
                    sock.setblocking(False)
                    await loop.sock_connect(sock, target)
                    return sock
                except OSError:
                    sock.close()
                    if number == len(found):
                        raise
                except BaseException:
                    sock.close()
                    raise
    except TimeoutError as exc:
        raise TimedOut(f"connecting to {where}", deadline_s) from exc
    except (OSError, UnicodeError) as exc:
        raise Unreachable(where, reason(exc)) from exc
    raise Unreachable(where, "the name has no address")


async def dial_over(
    sock: socket.socket,
    identity: Identity,
    peer: PublicKey,
    port: int,
    args: msgspec.Struct | None = None,
    *,
    deadline_s: float = HANDSHAKE_S,
) -> Session:
    """A session over a connected socket, direct or relayed, which is closed on any error. As `dial`."""
    async with _closing_on_error(sock, "the handshake", deadline_s):
        prepare(sock)
        loop = asyncio.get_running_loop()
        dialler = Dialler(identity, peer, port, args)
        await loop.sock_sendall(sock, dialler.start())
        while True:
            for output in dialler.feed(await _received(sock)):
                if isinstance(output, Secured):
                    return Session(output, sock)
                await loop.sock_sendall(sock, output.data)


async def hear(
    sock: socket.socket, identity: Identity, *, received: bytes = b"", deadline_s: float = HANDSHAKE_S
) -> Visitor:
    """Who speaks on a connected socket, and what for; `received` came from it before. Closes it on any error.

    Raises `Gone`, `TimedOut`, `WireError` or `TagError`.
    """
    async with _closing_on_error(sock, "the handshake", deadline_s):
        prepare(sock)
        responder = Responder(identity)
        while True:
            for output in responder.feed(received or await _received(sock)):
                if isinstance(output, Asked):
                    return Visitor(sock, responder, output)
                await asyncio.get_running_loop().sock_sendall(sock, output.data)
            received = b""


def prepare(sock: socket.socket) -> None:
    """Make a socket non-blocking, and send small records at once: we gather them ourselves.

    A peer that lost its power is noticed in about two minutes, also where nothing is sent.
    """
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEP_ALIVE.items():
            if hasattr(socket, name):  # not every system lets us choose
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def _received(sock: socket.socket) -> bytes:
    data = await asyncio.get_running_loop().sock_recv(sock, READ_BYTES)
    if not data:
        raise Gone("the peer closed the connection")
    return data


@asynccontextmanager
async def _closing_on_error(sock: socket.socket, what: str, deadline_s: float) -> AsyncIterator[None]:
    """Bound what is done with a socket, close it if that fails, and say how in words of the mesh."""
    try:
        async with asyncio.timeout(max(deadline_s, 0.0)):
            yield
    except TimeoutError as exc:
        sock.close()
        raise TimedOut(what, deadline_s) from exc
    except OSError as exc:
        sock.close()
        raise Gone(f"the connection broke: {reason(exc)}") from exc
    except BaseException:
        sock.close()
        raise
