"""Events: every change of state, told once, in order, with a cursor to resume from.

What apps say of their own accord stands in a lane of its own, so that one that talks a lot pushes out
what others of its kind said, and never what happened.

They are kept as bytes, half of what the objects take: a head `>Q`, the cursor, then msgpack. So bytes compare
as cursors do.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterator
from heapq import merge
from typing import Any, Final

import msgspec

from viscript.eventtypes import EVENT_TYPES

DEFAULT_KEPT: Final = 10_000
SAID_KEPT: Final = 1_000
SAID: Final = frozenset({"app.event", "service.offered", "service.withdrawn"})  # types an app causes at will


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. `time` is seconds since the epoch; `object` is `app/7`, `daemon`, ..."""

    cursor: int
    time: float
    host: str
    object: str
    type: str
    reason: str = ""
    actor: str = "viscript"
    data: dict[str, Any] = {}  # what each type carries stands in docs/reference/events.md


_HEAD: Final = struct.Struct(">Q")
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Event)


def _unpacked(kept: bytes) -> Event:
    return _decoder.decode(memoryview(kept)[_HEAD.size :])


def _shown(value: Any) -> Any:  # Any: whatever an event carries
    """The same with what is no text spelled out."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {name: _shown(one) for name, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value


class Gap(Exception):
    """The cursor asked for is older than the log; reading starts again at `oldest`."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"events before cursor {oldest} are gone")
        self.oldest = oldest


class EventLog:
    """Bounded memory of events; listeners are told at once and must not block or raise."""

    def __init__(
        self, host: str, *, first_cursor: int = 1, kept: int = DEFAULT_KEPT, said_kept: int = SAID_KEPT
    ) -> None:
        self._host = host
        self._next = first_cursor
        self._happened: deque[bytes] = deque(maxlen=kept)
        self._said: deque[bytes] = deque(maxlen=said_kept)
        self._whole_from = first_cursor  # since this cursor no event is missing
        self._listeners: dict[int, Callable[[Event], None]] = {}
        self._tokens = 0

    @property
    def next_cursor(self) -> int:
        """The cursor the next event will get."""
        return self._next

    def restore(self, events: Iterator[Event]) -> None:
        """Fill the memory with what the store kept; their cursors rise."""
        oldest: int | None = None
        for event in events:
            oldest = event.cursor if oldest is None else oldest
            self._whole_from = min(self._whole_from, oldest)
            self._keep(event, _encoder.encode(event))
            self._next = max(self._next, event.cursor + 1)

    def tell(
        self,
        kind: str,
        subject: str,
        *,
        now: float,
        reason: str = "",
        actor: str = "viscript",
        **data: Any,  # the fields of that event type
    ) -> Event:
        """Record one event and hand it to every listener. Raises ValueError for a type nobody described."""
        if kind not in EVENT_TYPES:
            raise ValueError(f"{kind!r} is no type of event; viscript/eventtypes.py lists them")
        event = Event(
            cursor=self._next,
            time=now,
            host=self._host,
            object=subject,
            type=kind,
            reason=reason,
            actor=actor,
            data=data,
        )
        try:
            packed = _encoder.encode(event)
        except UnicodeEncodeError:  # the name of a file that is no text
            event = Event(**_shown(msgspec.structs.asdict(event)))
            packed = _encoder.encode(event)
        self._next += 1
        self._keep(event, packed)
        for listener in tuple(self._listeners.values()):
            listener(event)
        return event

    def since(self, cursor: int) -> list[Event]:
        """Events from `cursor` on. Raises `Gap` when some of them are gone."""
        if cursor < self._whole_from:
            raise Gap(self._whole_from)
        first = _HEAD.pack(max(cursor, 0))
        return [_unpacked(kept) for kept in self._all() if kept >= first]

    def last(self, count: int) -> list[Event]:
        """The newest `count` events, oldest first."""
        return [_unpacked(kept) for kept in list(self._all())[-count:]] if count else []

    def _keep(self, event: Event, packed: bytes) -> None:
        lane = self._said if event.type in SAID else self._happened
        if len(lane) == lane.maxlen:
            self._whole_from = max(self._whole_from, _HEAD.unpack_from(lane[0])[0] + 1)
        lane.append(_HEAD.pack(event.cursor) + packed)

    def _all(self) -> Iterator[bytes]:
        return merge(self._happened, self._said)

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` for every later event; the answer stops it."""
        self._tokens += 1
        token = self._tokens
        self._listeners[token] = listener

        def stop() -> None:
            self._listeners.pop(token, None)

        return stop
