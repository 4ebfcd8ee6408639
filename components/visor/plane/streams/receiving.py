"""The receiving half of a stream: the next byte expected goes to the app, or waits for it. Pure."""

from components.visor.plane.streams.api import BROKEN, Endpoint
from components.visor.plane.streams.errors import UnitError
from components.visor.plane.streams.life import Half, HalfEvent, follow_half
from components.visor.plane.streams.store import Pool, Store
from components.visor.plane.streams.window import Window

_MASK = 0xFFFFFFFF
_WRAP = 1 << 32
_HALF_WRAP = 1 << 31


class Receiver:
    """Takes DATA and FIN in the order of their offsets, whatever comes twice."""

    __slots__ = ("acked", "broken", "expected", "final", "half", "store", "window")

    def __init__(self, pool: Pool, window: Window) -> None:
        self.store = Store(pool)  # its start is what the app has taken
        self.window = window
        self.expected = 0
        self.acked = 0  # the last acknowledgement we sent
        self.final: int | None = None
        self.half = Half.FLOWING
        self.broken = False

    @property
    def acknowledgement(self) -> int:
        """The next byte expected; one more when the FIN is taken too."""
        return self.expected + (self.expected == self.final)

    def data(self, low: int, body: memoryview, endpoint: Endpoint | None) -> bool:
        """Take bytes at the offset with these low 32 bits: whether any of them was new.

        They are kept while there is no endpoint.
        Raises `UnitError` for a gap, and for bytes past the limit or past the end.
        """
        ahead = (low - self.expected) & _MASK
        if ahead:
            if ahead < _HALF_WRAP:
                raise UnitError(f"data {ahead} bytes ahead of the next one expected")
            body = body[_WRAP - ahead :]
            if not body:
                return False
        end = self.expected + len(body)
        if end > self.window.limit:
            raise UnitError(f"data {end - self.window.limit} bytes past the limit")
        if self.final is not None and end > self.final:
            raise UnitError("data behind the end of its stream")
        self.expected = end
        self._pass_on(body, endpoint)
        return True

    def _pass_on(self, body: memoryview, endpoint: Endpoint | None) -> None:
        store = self.store
        if len(store) or endpoint is None:
            store.append(body)
            return
        taken = endpoint.write(body)
        if taken == BROKEN:
            self.broken = True
            return
        store.skip_to(store.end + taken)
        if taken < len(body):
            store.append(body[taken:])

    def finish(self, final: int) -> None:
        """The peer's last byte is before `final`; raises `UnitError` when that cannot be."""
        if self.final is None:
            if not self.expected <= final <= self.window.limit:
                raise UnitError(f"an end at {final} which cannot be")
            self.final = final
            self.half = follow_half(self.half, HalfEvent.END)
        elif final != self.final:
            raise UnitError(f"two ends of one stream: {self.final} and {final}")

    def drain(self, endpoint: Endpoint) -> None:
        """Give the app what waits for it, as much as it takes."""
        store = self.store
        while len(store):
            front = store.front()
            taken = endpoint.write(front)
            if taken == BROKEN:
                self.broken = True
                return
            store.drop_to(store.start + taken)
            if taken < len(front):
                return

    def complete(self) -> bool:
        """Whether the app has everything up to the end, seen now for the first time."""
        if self.half is Half.ENDING and self.store.start == self.final:
            self.half = follow_half(self.half, HalfEvent.COMPLETE)
            return True
        return False

    def release(self) -> None:
        """Forget what waits, and the window."""
        self.store.clear()
        self.window.release()
