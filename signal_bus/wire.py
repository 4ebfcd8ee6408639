"""A client's connection: one DEALER that lives as long as it does, and a monitor that tells its end.

A ZeroMQ connect never refuses and never says that the other side is gone. So the endpoint is probed first
with a plain socket, libzmq's own reconnection is off, and its monitor tells of a disconnect: the next try is
a new socket with nothing old in its queue.
"""

import asyncio
import contextlib
import logging
import os
import socket as plain
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import zmq

from signal_bus import identity, limits, tokens
from signal_bus.environment import Settings
from signal_bus.errors import CallerError, Unreachable
from signal_bus.identity import CurvePair
from signal_bus.ids import CurveKey
from signal_bus.reactor import MORE, NOW, Channel, Sent, Socket

log = logging.getLogger(__name__)

_ENDS: Final = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
)
_REMOTE_PROBE_S: Final = 2.0
_HEARTBEAT_MS: Final = 5000
_NEVER_MS: Final = 86_400_000  # libzmq 4.3.5 hangs in `term` after a failed CURVE handshake if this is -1


class Keys(NamedTuple):
    """What a connection to another host is encrypted with."""

    server: CurveKey
    own: CurvePair


def keys_for(settings: Settings) -> Keys | None:
    """The keys for this endpoint; none on ipc. Raises `CallerError` or `KeyFileError`."""
    if not settings.endpoint.startswith("tcp://"):
        return None
    if settings.server_key is None or not (settings.token or settings.identity):
        raise CallerError("a tcp endpoint needs the server's key, and a token or an identity of our own")
    if settings.token:  # a launched app finds the host's identity too, and it is not its own
        return Keys(settings.server_key, tokens.curve_of(settings.token))
    return Keys(settings.server_key, identity.load_or_create(Path(settings.identity)).curve())


class Wire:
    """One connection to a server. `lost` is set when it is no more.

    Making one raises `Unreachable` for what libzmq takes for no endpoint.
    """

    def __init__(
        self,
        context: "zmq.Context[Socket]",
        endpoint: str,
        keys: Keys | None,
        deliver: Callable[[bytes], None],
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self.lost = asyncio.Event()
        self._on_lost = on_lost
        self.received = 0
        self._deliver = deliver
        socket = self._socket = context.socket(zmq.DEALER)
        socket.maxmsgsize = limits.MESSAGE_BYTES
        socket.sndhwm = socket.rcvhwm = limits.QUEUE_MESSAGES
        socket.reconnect_ivl = _NEVER_MS
        socket.ipv6 = endpoint.startswith("tcp://[")
        if keys is not None:
            _encrypt(socket, keys)
        monitor = socket.get_monitor_socket(_ENDS)
        self._monitor = Channel(monitor, self._note)
        self._channel = Channel(socket, self._take)
        try:
            socket.connect(endpoint)
        except zmq.ZMQError as exc:
            self.close()
            raise Unreachable(endpoint, zmq.strerror(exc.errno or 0)) from exc

    def send(self, data: bytes) -> Sent:
        """Queue one message without waiting."""
        return self._channel.send((data,))

    def close(self, linger_ms: int = 0) -> None:
        """End the connection; what is queued may take `linger_ms` to leave.

        The monitor is turned off before its reading end is closed: libzmq's thread tells of an event under
        a lock, waits for ever once nobody is there to read it, and turning the monitor off wants that lock.
        """
        if not self._channel.closed:
            with contextlib.suppress(zmq.ZMQError):  # the context may be going already
                self._socket.disable_monitor()
            self._monitor.close()
            self._channel.close(linger_ms)
        self._lose()

    def _take(self, socket: Socket) -> None:
        data = socket.recv(NOW)
        if socket.getsockopt(MORE):
            while socket.getsockopt(MORE):
                socket.recv(NOW)
            log.warning("dropped a message of several frames")
            return
        self.received += 1
        self._deliver(data)

    def _note(self, socket: Socket) -> None:
        socket.recv_multipart(NOW)
        self._lose()

    def _lose(self) -> None:
        if not self.lost.is_set():
            self.lost.set()
            if self._on_lost is not None:
                self._on_lost()


async def probe(endpoint: str) -> None:
    """Find out at once whether somebody listens. Raises `Unreachable`."""
    try:
        if endpoint.startswith("ipc://"):
            _probe_ipc(endpoint.removeprefix("ipc://"))
        elif endpoint.startswith("tcp://"):
            await _probe_tcp(endpoint.removeprefix("tcp://"))
    except TimeoutError:
        raise Unreachable(endpoint, "no answer") from None
    except (UnicodeError, OverflowError) as exc:  # other hosts say where they are: any name, any number
        raise Unreachable(endpoint, f"this is no address: {exc}") from exc
    except OSError as exc:
        known = exc.errno is not None and exc.errno > 0  # asyncio's own words hold a tuple
        raise Unreachable(endpoint, os.strerror(exc.errno or 0) if known else str(exc)) from exc


def _probe_ipc(path: str) -> None:
    """The kernel answers at once; a full backlog (EAGAIN) is somebody who is busy."""
    with plain.socket(plain.AF_UNIX, plain.SOCK_STREAM) as tried:
        tried.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            tried.connect(path)


async def _probe_tcp(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise OSError(f"no port in {address!r}")
    async with asyncio.timeout(_REMOTE_PROBE_S):
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _encrypt(socket: Socket, keys: Keys) -> None:
    socket.curve_serverkey = keys.server
    socket.curve_publickey = keys.own.public
    socket.curve_secretkey = keys.own.secret
    socket.heartbeat_ivl = _HEARTBEAT_MS
    socket.heartbeat_timeout = 3 * _HEARTBEAT_MS
