"""The sending half of a stream: bytes are read when they can go, kept until they are acknowledged. Pure."""

from components.visor.plane.streams.api import BROKEN, END, Endpoint
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.errors import UnitError
from components.visor.plane.streams.life import Half, HalfEvent, follow_half
from components.visor.plane.streams.limits import HUGE_BUFFER, LARGE_BUFFER, SMALL_BUFFER, WINDOW_FLOOR
from components.visor.plane.streams.store import Pool, Store
from components.visor.plane.unit import DATA_BEST, DATA_LARGE

_LEAST_SMALL = 512  # less room than this in the last buffer is left unused
_LEAST_LARGE = LARGE_BUFFER // 2
_PLENTY = 4 * DATA_LARGE  # of credit: one large unit then holds nobody up
_WORTH_A_UNIT = WINDOW_FLOOR // 4  # of credit; a peer that took the rest always grants more than this


class Sender:
    """Fills units from the app, or again from what is kept."""

    __slots__ = (
        "_budget",
        "_large",
        "acknowledged",
        "broken",
        "fin_sent",
        "half",
        "highest",
        "limit",
        "readable",
        "sent",
        "starved",
        "store",
        "told",
    )

    def __init__(self, pool: Pool, budget: Budget) -> None:
        self._budget = budget
        self._large = False
        self.store = Store(pool)  # from the first byte not acknowledged to the last one read
        self.acknowledged = 0  # bytes the peer has, known also when nothing is kept any more
        self.sent = 0  # all before it went out by the route in use
        self.highest = 0  # the highest ever sent by any route, the FIN counted
        self.limit = 0
        self.half = Half.FLOWING
        self.fin_sent = False
        self.readable = False
        self.starved = False
        self.broken = False
        self.told = False  # how much the peer has of a stream that was broken off

    @property
    def in_flight(self) -> int:
        """Bytes that went out and are not acknowledged; the FIN is one."""
        if self.half is Half.ENDED:
            return 0
        return self.sent - self.store.start + self.fin_sent

    @property
    def dry(self) -> bool:
        """Whether all that can go now went."""
        return not self.readable and self.sent == self.store.end

    @property
    def quiet(self) -> bool:
        """Whether all that the app wrote is acknowledged."""
        return not self.in_flight and not self.readable and self.sent == self.store.end and not self.fin_due

    @property
    def blocked(self) -> bool:
        """Whether the app has more than the peer's credit lets go."""
        has_more = self.readable or self.sent < self.store.end
        return has_more and self.half is not Half.ENDED and self._lacks_credit(self.limit - self.sent)

    def _lacks_credit(self, credit: int) -> bool:
        """A crumb waits too, while much is under way: more comes when the peer takes that."""
        return credit <= 0 or (credit < _WORTH_A_UNIT and self.sent - self.store.start >= WINDOW_FLOOR)

    @property
    def fin_due(self) -> bool:
        """Whether all is sent but the end."""
        return self.half is Half.ENDING and self.sent == self.store.end and not self.fin_sent

    def early(self, data: bytes) -> bool:
        """Send these before the peer has accepted, at most `EARLY_MAX`: false when there is no memory."""
        if not self._budget.take(SMALL_BUFFER, held=0):
            return False
        self.store.grow(SMALL_BUFFER)
        self.store.append(memoryview(data))
        self.limit = len(data)
        return True

    def fill(self, into: memoryview, endpoint: Endpoint, *, crowded: bool = False) -> int:
        """Write the next bytes in `into`: how many; 0 when there is nothing, no credit or no memory.

        They may be a large unit's where credit is left beside it, or others go on (`crowded`).
        """
        store, credit = self.store, self.limit - self.sent
        if self._lacks_credit(credit):
            return 0
        room = min(len(into), credit, DATA_LARGE if crowded or credit >= _PLENTY else DATA_BEST)
        if self.sent == store.end:
            if not self.readable:
                return 0
            room = self._read(room, endpoint)
            if not room:
                return 0
        count = store.copy(self.sent, into[:room])
        self.sent += count
        if self.sent > self.highest:
            self.highest = self.sent
        return count

    def _read(self, room: int, endpoint: Endpoint) -> int:
        store = self.store
        if store.tail_room() < min(room, _LEAST_LARGE if self._large else _LEAST_SMALL) and not self._grow(
            room
        ):
            return 0
        space = store.space(room)
        count = endpoint.read(space)
        if count > 0:
            store.commit(count)
            self.readable = not endpoint.dry
            self._large = count == len(space) or count > SMALL_BUFFER
            return count
        self.readable = False
        self._budget.give(store.trim())
        if count == END:
            self.half = follow_half(self.half, HalfEvent.END)
        elif count == BROKEN:
            self.broken = True
        return 0

    def _grow(self, room: int) -> bool:
        size = SMALL_BUFFER
        if self._large:
            size = LARGE_BUFFER if room <= LARGE_BUFFER else HUGE_BUFFER
        if not self._budget.take(size, held=self.store.capacity):
            self.starved = True
            return False
        self.store.grow(size)
        return True

    def say_fin(self) -> int:
        """The FIN goes out: its final offset."""
        self.fin_sent = True
        final = self.store.end
        self.highest = max(self.highest, final + 1)
        return final

    def acknowledge(self, upto: int) -> int:
        """The peer has all before `upto`: how much less is in flight.

        Raises `UnitError` for more than was sent.
        """
        if upto > self.highest:
            raise UnitError(f"an acknowledgement of {upto}, but only {self.highest} was sent")
        store = self.store
        if self.half is Half.ENDED or upto <= store.start:
            return 0
        before = self.in_flight
        if upto > store.end:
            self.half = follow_half(self.half, HalfEvent.COMPLETE)
            upto = store.end
        self.sent = max(self.sent, upto)
        self.acknowledged = upto
        self._budget.give(store.drop_to(upto))
        return max(0, before - self.in_flight)

    def confirmed(self, upto: int) -> None:
        """It was broken off, and the peer tells what it had; what cannot be is passed over."""
        if self.acknowledged <= upto <= self.highest:
            self.acknowledged = min(upto, self.store.end)
            self.told = True

    def credit(self, limit: int) -> bool:
        """The peer takes all before `limit`: whether that is more than it was."""
        if limit <= self.limit:
            return False
        self.limit = limit
        return True

    def rewind(self) -> None:
        """Begin again at the first byte that is not acknowledged."""
        self.sent = self.store.start
        self.fin_sent = False

    def release(self) -> None:
        """Forget what is kept."""
        self._budget.give(self.store.clear())
        self.sent = self.store.end
        self.readable = False
