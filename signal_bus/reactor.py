"""Plain ZeroMQ sockets in the asyncio loop: woken by their descriptor, drained to EAGAIN.

libzmq's descriptor is edge-triggered: it turns readable when something may have changed, and not again until
the socket was asked. So a turn takes messages until there are none; a turn that stops early, and a send
outside of a turn (which may swallow the edge), ask for another turn. Nobody awaits a `recv`, so that
no cancellation can lose a message.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

import zmq

from signal_bus.limits import DRAIN_MESSAGES, TURN_S

log = logging.getLogger(__name__)

Socket = zmq.Socket[bytes]

# Plain numbers: pyzmq's enums cost more than a message takes to decode.
NOW: Final = int(zmq.NOBLOCK)
NOW_AND_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)
MORE: Final = int(zmq.RCVMORE)


class Sent(Enum):
    """What became of a message handed to a socket."""

    OK = auto()
    FULL = auto()  # the peer does not read: its queue is at its bound
    GONE = auto()  # there is no such peer (any more)


class Channel:
    """One socket in the running loop. `take` receives and handles one message; it raises `zmq.Again`.

    A socket that many peers share has a longer turn: so many `turns` at a stretch.
    """

    def __init__(self, socket: Socket, take: Callable[[Socket], None], *, turns: int = 1) -> None:
        self._socket = socket
        self._take = take
        self._turns = turns
        self._loop = asyncio.get_running_loop()
        self._descriptor = int(socket.fd)
        self._in_turn = False
        self._turn_asked = False
        self._loop.add_reader(self._descriptor, self._woken)
        self._ask_turn()  # what came before we listened made no edge for us

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._socket.closed

    def send(self, frames: Sequence[bytes]) -> Sent:
        """Queue one message without waiting."""
        if self._socket.closed:
            return Sent.GONE
        if not self._in_turn:
            self._ask_turn()
        try:
            self._send(frames)
        except zmq.Again:
            return self._send_again(frames)
        except zmq.ZMQError as exc:
            if exc.errno not in (zmq.EHOSTUNREACH, zmq.ENOTSOCK, zmq.ETERM):
                log.warning("a send failed: %s", exc)
            return Sent.GONE
        return Sent.OK

    def _send(self, frames: Sequence[bytes]) -> None:
        last = len(frames) - 1
        for number, frame in enumerate(frames):
            self._socket.send(frame, NOW if number == last else NOW_AND_MORE)

    def _send_again(self, frames: Sequence[bytes]) -> Sent:
        """A queue seems full until libzmq hears what the peer read; in a long turn it does not listen."""
        self._socket.getsockopt(zmq.EVENTS)
        try:
            self._send(frames)
        except zmq.ZMQError:
            return Sent.FULL
        return Sent.OK

    def close(self, linger_ms: int = 0) -> None:
        """Leave the loop and close the socket."""
        if not self._socket.closed:
            self._loop.remove_reader(self._descriptor)
            self._socket.close(linger=linger_ms)

    def _ask_turn(self) -> None:
        if not self._turn_asked:
            self._turn_asked = True
            self._loop.call_soon(self._asked)

    def _asked(self) -> None:
        self._turn_asked = False
        self._turn()

    def _woken(self) -> None:
        if not self._turn_asked:  # one turn in one round of the loop
            self._turn()

    def _turn(self) -> None:
        """Take what there is, up to a bound, so that other sockets get their turn."""
        self._in_turn = True
        ends = self._loop.time() + TURN_S * self._turns
        try:
            for _ in range(DRAIN_MESSAGES * self._turns):
                if self._socket.closed:
                    return
                self._take(self._socket)
                if self._loop.time() >= ends:
                    break
            self._ask_turn()
        except zmq.Again:
            pass  # drained; the descriptor wakes us for the next
        except zmq.ZMQError as exc:
            if not self._socket.closed:
                log.warning("a receive failed: %s", exc)
                self._ask_turn()
        except Exception:  # a bug in handling one message must not stop the socket
            log.exception("a message could not be handled")
            self._ask_turn()
        finally:
            self._in_turn = False
