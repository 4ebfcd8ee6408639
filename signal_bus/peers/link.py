"""One connection to another host: its messages in, ours out, and the streams on it.

    hello     both sides first; anything else from a side that has not said it ends the connection
    notes     roster, state, bye: before the bytes of streams, in their order; a newer state replaces an older
    streams   as the mux gives them, while the socket takes them

A socket that is full is asked again in a moment; nothing is lost meanwhile, since notes and streams are
bounded here. A peer that sends what is no message, breaks the rules of streams or floods ends its connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Final, Protocol

from signal_bus import kinds
from signal_bus.budget import Budget
from signal_bus.codec import decode, encode
from signal_bus.errors import WireError
from signal_bus.ids import PublicKey
from signal_bus.messages import Body, Error
from signal_bus.peers.messages import (
    PeerBye,
    PeerClose,
    PeerCredit,
    PeerData,
    PeerHello,
    PeerOpen,
    PeerRoster,
    PeerState,
    StreamBody,
)
from signal_bus.peers.mux import Broken, Mux
from signal_bus.peers.stream import Stream
from signal_bus.reactor import Sent

log = logging.getLogger(__name__)

NOTES_MAX: Final = 256
CLOGGED_S: Final = 0.01  # until a full socket is asked again
NOTES_PER_S: Final = 500.0  # messages but bytes that one host may send, on average
NOTES_BURST: Final = 4000.0
TEXT_MAX: Final = 1024


class Port(Protocol):
    """The connection's socket."""

    def send(self, data: bytes) -> Sent:
        """Queue one message without waiting."""

    def close(self, code: str) -> None:
        """The connection is not used any more, and why."""


class Listener(Protocol):
    """Who is told what comes on a link. All of it is quick."""

    def greeted(self, link: Link, hello: PeerHello) -> None:
        """The other side has said who it is. It may end the link."""

    def told(self, link: Link, note: PeerState | PeerRoster) -> None:
        """It says how it is, or what records it has."""

    def opened(self, link: Link, stream: Stream) -> None:
        """It opened a stream."""

    def ended(self, link: Link, code: str, text: str) -> None:
        """The link is over; said once."""


class Link:
    """`first` is the number of the first stream that this side opens: 1 for the smaller key, else 2."""

    def __init__(self, port: Port, key: PublicKey, listener: Listener, *, first: int, dialled: bool) -> None:
        self.key = key
        self.dialled = dialled
        self.hello: PeerHello | None = None
        self.over = False
        self.ended = ""  # the code it ended with
        self.met = asyncio.Event()  # the other side said hello, or the link is over
        self.finished = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.heard_at = self.made_at = self._loop.time()
        self._port = port
        self._listener = listener
        self._mux = Mux(first)
        self._mux.on_ready = self._ask_turn
        self._notes: deque[Body] = deque()
        self._state: PeerState | None = None
        self._turn: asyncio.Handle | None = None
        self._budget = Budget(NOTES_PER_S, NOTES_BURST, self.made_at)

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._mux)

    # Ours to say.

    def say(self, note: PeerHello | PeerRoster) -> None:
        """Send a note soon; a peer that takes none for long loses the link."""
        if len(self._notes) >= NOTES_MAX:
            self.end("unread", "the other host does not read")
        elif not self.over:
            self._notes.append(note)
            self._ask_turn()

    def state(self, state: PeerState) -> None:
        """Send how we are; the newest is sent, if the socket takes it."""
        if not self.over:
            self._state = state
            self._ask_turn()

    def open(self, kind: str, meta: Mapping[str, str]) -> Stream:
        """A stream of ours. Raises `Busy`."""
        return Stream(self._mux.open(kind, meta))

    def end(self, code: str, text: str) -> None:
        """Say goodbye if that can be; every stream ends with a `ConnectionResetError`."""
        if self.over:
            return
        self.over, self.ended = True, code
        if self._turn is not None:
            self._turn.cancel()
        self._port.send(encode(PeerBye(code=code, text=text[:TEXT_MAX])))
        self._port.close(code)
        self._listener.ended(self, code, text)
        self._mux.fail(ConnectionResetError(text or code))
        self.met.set()
        self.finished.set()

    # Theirs.

    def hear(self, data: bytes) -> None:
        """Take one message of the other side."""
        if self.over:
            return
        self.heard_at = self._loop.time()
        try:
            self._take(decode(data, kinds.PEER_KINDS).body)
        except WireError as exc:
            if exc.code == "unsupported":  # of a newer version: told so, and passed over
                self._take(Error())
                return
            log.warning("host=%s: %s", self.key.hex()[:16], exc)
            self.end(exc.code, exc.reason)
        except Broken as exc:
            log.warning("host=%s: %s", self.key.hex()[:16], exc)
            self.end("bad-message", str(exc))

    def _take(self, body: Body) -> None:
        if not isinstance(body, PeerData) and not self._budget.take(self.heard_at):
            self.end("rate-limited", f"more than {NOTES_PER_S:g} messages a second")
        elif isinstance(body, PeerBye):
            self.end(body.code, body.text)
        elif isinstance(body, Error):
            log.debug("host=%s answered with an error", self.key.hex()[:16])
        elif isinstance(body, PeerHello):
            self._greet(body)
        elif self.hello is None:
            self.end("not-joined", "say hello first")
        elif isinstance(body, (PeerState, PeerRoster)):
            self._listener.told(self, body)
        elif isinstance(body, (PeerOpen, PeerData, PeerCredit, PeerClose)):
            self._stream(body)

    def _greet(self, hello: PeerHello) -> None:
        if self.hello is not None:
            self.end("bad-message", "hello was said already")
            return
        self.hello = hello
        self.met.set()
        self._listener.greeted(self, hello)

    def _stream(self, body: StreamBody) -> None:
        strand = self._mux.feed(body)
        if strand is not None:
            self._listener.opened(self, Stream(strand))

    # Sending.

    def _ask_turn(self) -> None:
        if self._turn is None and not self.over:
            self._turn = self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._turn = None
        if not self.over and not (self._send_notes() and self._mux.pump(self._send)) and not self.over:
            self._turn = self._loop.call_later(CLOGGED_S, self._pump)

    def _send_notes(self) -> bool:
        while self._notes:
            if not self._send(self._notes[0]):
                return False
            self._notes.popleft()
        if self._state is not None:
            if not self._send(self._state):
                return False
            self._state = None
        return True

    def _send(self, body: Body) -> bool:
        """Whether the socket took it; a connection that is gone ends the link."""
        sent = Sent.GONE if self.over else self._port.send(encode(body))
        if sent is Sent.GONE:
            self.end("gone", "the connection broke")
        return sent is Sent.OK
