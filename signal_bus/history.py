"""The newest events, for subscribers that missed some. Pure.

They are kept as bytes, a quarter of what the objects take: a header `>QI` of cursor and size, then msgpack.
"""

import struct
from collections import deque

import msgspec

from signal_bus.limits import EVENT_BYTES_KEPT, EVENTS_KEPT
from signal_bus.messages import EventNote, Events

_PER_ANSWER = 256  # an answer must stay far below the size limit of a message
_ANSWER_CHARACTERS = 256 << 10
_HEAD = struct.Struct(">QI")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(EventNote)


class History:
    """A bounded log of events with rising cursors."""

    def __init__(self, kept: int = EVENTS_KEPT, kept_bytes: int = EVENT_BYTES_KEPT) -> None:
        self._events: deque[bytes] = deque()
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._next = 1

    @property
    def next_cursor(self) -> int:
        """The cursor the next event gets, unless it brings a higher one."""
        return self._next

    def add(self, event: EventNote, size: int) -> None:
        """Keep an event, `size` bytes long on the wire. Cursors rise."""
        self._events.append(_HEAD.pack(event.cursor, size) + _encoder.encode(event))
        self._bytes += size
        while len(self._events) > self._kept or self._bytes > self._kept_bytes:
            self._bytes -= _HEAD.unpack_from(self._events.popleft())[1]
        self._next = max(self._next, event.cursor) + 1

    def since(self, cursor: int) -> Events:
        """As many events from `cursor` on as one answer holds; `next` is where to go on."""
        oldest = _HEAD.unpack_from(self._events[0])[0] if self._events else self._next
        chosen: list[EventNote] = []
        room = _ANSWER_CHARACTERS
        for kept in self._events:
            own, size = _HEAD.unpack_from(kept)
            if own < cursor:
                continue
            if len(chosen) == _PER_ANSWER or (chosen and size > room):
                break
            chosen.append(_decoder.decode(memoryview(kept)[_HEAD.size :]))
            room -= size
        after = chosen[-1].cursor + 1 if chosen else self._next
        return Events(events=tuple(chosen), oldest=oldest, next=after, gap=0 < cursor < oldest)
