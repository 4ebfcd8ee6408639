"""Watches one listening socket of libzmq, and ends connections of which there are too many.

libzmq tells its monitor the descriptor of each connection it accepts. One that may not stay is shut down
there; libzmq then sees its end and closes it. A descriptor may be another's by the time it is looked at: it
is touched only while it is a connection to this very port.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket as plain
import struct
import time
from collections.abc import Callable
from typing import Final

import zmq

from signal_bus.peers.crowd import Crowd
from signal_bus.reactor import NOW, Channel, Socket

log = logging.getLogger(__name__)

_EVENT: Final = struct.Struct("=HI")  # which, and its value: the descriptor
_ACCEPTED: Final = int(zmq.EVENT_ACCEPTED)
_TOLD: Final = _ACCEPTED | int(zmq.EVENT_DISCONNECTED)
_SAY_EVERY_S: Final = 60.0
_numbers: Final = itertools.count(1).__next__


class Doorman:
    """Made before the socket is bound, closed before it is closed."""

    def __init__(
        self,
        context: zmq.Context[Socket],
        socket: Socket,
        crowd: Crowd,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._socket = socket
        self._crowd = crowd
        self._clock = clock
        self._port = 0
        self._said_at = float("-inf")
        place = f"inproc://doorman-{_numbers()}"
        socket.monitor(place, _TOLD)
        ear = context.socket(zmq.PAIR)
        ear.linger = 0
        ear.rcvhwm = 0  # else libzmq's thread would wait for us once there are a thousand, and we for it
        ear.connect(place)
        self._channel = Channel(ear, self._take)

    def stands_at(self, port: int) -> None:
        """The port that was bound."""
        self._port = port

    def close(self) -> None:
        """Watch no more; the monitor is turned off before its reading end is closed (signal_bus/wire.py)."""
        with contextlib.suppress(zmq.ZMQError):  # the context may be going already
            self._socket.disable_monitor()
        self._channel.close()

    def _take(self, ear: Socket) -> None:
        event, *_ = ear.recv_multipart(NOW)
        which, number = _EVENT.unpack_from(event)
        if which == _ACCEPTED:
            self._came(number)
        else:
            self._crowd.left(number)

    def _came(self, number: int) -> None:
        try:
            end = plain.socket(fileno=number)
        except OSError:  # it is gone already
            return
        try:
            if self._port in (0, end.getsockname()[1]):
                self._judge(number, end)
        except (OSError, IndexError, TypeError) as exc:  # gone meanwhile, or no connection any more
            log.debug("descriptor=%d is no connection: %s", number, exc)
        finally:
            end.detach()  # it is libzmq's

    def _judge(self, number: int, end: plain.socket) -> None:
        address, now = str(end.getpeername()[0]), self._clock()
        if self._crowd.came(number, address, now):
            return
        end.shutdown(plain.SHUT_RDWR)
        if now - self._said_at >= _SAY_EVERY_S:
            self._said_at = now
            log.warning(
                "port=%d too many connections without a key, at last from %s: ended count=%d",
                self._port,
                address,
                self._crowd.turned_away,
            )
