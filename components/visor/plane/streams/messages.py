"""Datagram-like messages: at most once, and dropped when too many wait. Pure."""

from collections import deque

from components.visor.plane.streams.limits import MESSAGE_BYTES_WAITING, MESSAGE_MAX, MESSAGES_WAITING
from components.visor.plane.unit import HEADER, Kind, write_head


class Messages:
    """Those that wait to be sent."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, port: int, source: int, body: bytes) -> bool:
        """Queue one: False when it is too long or too many wait; it is dropped then."""
        full = len(self._waiting) >= MESSAGES_WAITING or self._bytes + len(body) > MESSAGE_BYTES_WAITING
        if full or len(body) > MESSAGE_MAX:
            self.dropped += 1
            return False
        self._waiting.append((port << 16 | source, body))
        self._bytes += len(body)
        return True

    def write(self, into: memoryview) -> int:
        """Write the next one as a unit: its length, 0 when there is none or no room."""
        if not self._waiting:
            return 0
        ports, body = self._waiting[0]
        size = HEADER + len(body)
        if size > len(into):
            return 0
        self._waiting.popleft()
        self._bytes -= len(body)
        write_head(into, Kind.MESSAGE, 0, ports)
        into[HEADER:size] = body
        return size

    def clear(self) -> None:
        """Drop all."""
        self._waiting.clear()
        self._bytes = 0
