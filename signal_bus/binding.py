"""Sockets that listen: with their bounds, their gate, their place, and nobody robbed of his.

libzmq's bind on ipc removes whatever socket file is there, also that of a live server. The caller holds a
lock on its home; here a live listener is refused as well, and only a stale file is replaced.
"""

import asyncio
import socket as plain
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zmq

from signal_bus import limits, zap
from signal_bus.errors import EndpointTaken
from signal_bus.identity import CurvePair
from signal_bus.reactor import Channel, Socket

_RETRY_S: Final = 0.02
_HEARTBEAT_MS: Final = 5000  # ends connections to hosts that fell off the network


def bounded_socket(context: "zmq.Context[Socket]", kind: int) -> Socket:
    """A socket with the bounds that all of ours have."""
    socket = context.socket(kind)
    socket.linger = 0
    socket.maxmsgsize = limits.MESSAGE_BYTES
    socket.sndhwm = socket.rcvhwm = limits.QUEUE_MESSAGES
    socket.backlog = limits.BACKLOG
    return socket


def open_gate(context: "zmq.Context[Socket]", gate: zap.Gate, clock: Callable[[], float]) -> Channel:
    """Have `gate` decide on every connection of this context."""
    socket = bounded_socket(context, zmq.ROUTER)
    socket.maxmsgsize = -1  # inproc: only libzmq itself speaks here
    socket.sndhwm = socket.rcvhwm = 0
    socket.bind(zap.ENDPOINT)

    def take(socket: Socket) -> None:
        reply = gate.reply(socket.recv_multipart(zmq.NOBLOCK), clock())
        if reply is not None:
            socket.send_multipart(reply, zmq.NOBLOCK)

    return Channel(socket, take)


def curve_router(context: "zmq.Context[Socket]", domain: str, curve: CurvePair) -> Socket:
    """A ROUTER that speaks CURVE only, not bound yet."""
    socket = bounded_socket(context, zmq.ROUTER)
    socket.router_mandatory = 1
    socket.setsockopt(zmq.ZAP_DOMAIN, domain.encode())
    socket.curve_server = True
    socket.curve_secretkey = curve.secret
    socket.heartbeat_ivl = _HEARTBEAT_MS
    socket.heartbeat_timeout = 3 * _HEARTBEAT_MS
    return socket


async def bind_tcp(
    make: Callable[[], Socket],
    endpoint: str,
    clock: Callable[[], float],
    patience_s: float = limits.REBIND_S,
) -> Socket:
    """A bound socket; the port of one just closed is free a moment later. Raises `zmq.ZMQError`."""
    deadline = clock() + patience_s
    while True:
        socket = make()
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as exc:
            socket.close()
            if exc.errno != zmq.EADDRINUSE or clock() >= deadline:
                raise
        else:
            return socket
        await asyncio.sleep(_RETRY_S)


def bound_to(socket: Socket) -> str:
    """Where a socket listens, with the port it got."""
    return socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")


def bind_ipc(socket: Socket, endpoint: str, mode: int) -> Path | None:
    """Bind, and set the mode of the socket file, if there is one; its path. Raises `zmq.ZMQError`."""
    try:
        socket.bind(endpoint)
    except zmq.ZMQError:
        socket.close()
        raise
    if not endpoint.startswith("ipc://"):
        return None
    path = Path(endpoint.removeprefix("ipc://"))
    path.chmod(mode)
    return path


def clear_stale(endpoint: str) -> None:
    """Remove the socket file of a server that died. Raises `EndpointTaken` when one listens there."""
    if not endpoint.startswith("ipc://"):
        return
    path = Path(endpoint.removeprefix("ipc://"))
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise EndpointTaken(endpoint)
    with plain.socket(plain.AF_UNIX) as probe:
        probe.settimeout(limits.PROBE_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:  # a full backlog or no answer: somebody is there
            raise EndpointTaken(endpoint) from None
    raise EndpointTaken(endpoint)
