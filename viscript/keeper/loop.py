"""The keeper's one loop: descriptors, timers and a list of what to do before it sleeps.

A turn is: wait, call the ready ones (urgent first), call the timers that are due, call the turn-enders.
Nothing here blocks but the wait; with nothing to do it waits for ever and costs nothing.
"""

import heapq
import selectors
import time
from collections.abc import Callable
from typing import Final

URGENT: Final = 0  # an app has ended
SIGNALS: Final = 1  # some child has ended
NORMAL: Final = 2  # the daemon
BULK: Final = 3  # output

_LONGEST_WAIT: Final = 3600.0


class Timer:
    """One call at one time; `cancel` is final and free."""

    __slots__ = ("call", "when")

    def __init__(self, when: float, call: Callable[[], None] | None) -> None:
        self.when = when
        self.call = call

    def cancel(self) -> None:
        """Never call it."""
        self.call = None


class Loop:
    """Waits for descriptors and timers. `fault` hears of an exception that a call let through."""

    def __init__(self, fault: Callable[[BaseException], None]) -> None:
        self._fault = fault
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._busy = False
        self._running = True
        self._enders: list[Callable[[], bool]] = []

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def read(self, fd: int, call: Callable[[], None], order: int = NORMAL) -> None:
        """Call whenever `fd` can be read."""
        self._selector.register(fd, selectors.EVENT_READ, (order, call))

    def read_write(self, fd: int, call: Callable[[], None], order: int = NORMAL) -> None:
        """From now on, call also whenever `fd` can be written."""
        self._selector.modify(fd, selectors.EVENT_READ | selectors.EVENT_WRITE, (order, call))

    def read_only(self, fd: int, call: Callable[[], None], order: int = NORMAL) -> None:
        """From now on, call only when `fd` can be read."""
        self._selector.modify(fd, selectors.EVENT_READ, (order, call))

    def forget(self, fd: int) -> None:
        """Watch `fd` no more; to be called before it is closed. An unknown one is fine."""
        try:
            self._selector.unregister(fd)
        except (KeyError, ValueError):
            return

    def at(self, when: float, call: Callable[[], None]) -> Timer:
        """Call once at `when` (monotonic)."""
        timer = Timer(when, call)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call once in `seconds`."""
        return self.at(self.now() + seconds, call)

    def at_turn_end(self, call: Callable[[], bool]) -> None:
        """Call at the end of every turn; true means there is more to do at once."""
        self._enders.append(call)

    def stop(self) -> None:
        """Return from `run` after this turn."""
        self._running = False

    def run(self) -> None:
        """Turn until stopped."""
        while self._running:
            self.turn()

    def turn(self) -> None:
        """One turn."""
        ready = self._selector.select(0 if self._busy else self._wait())
        if len(ready) > 1:
            ready.sort(key=_order)
        for key, _ in ready:
            if self._selector.get_map().get(key.fd) is key:  # not forgotten by an earlier call
                self._guard(key.data[1])
        self._call_due()
        self._busy = False
        for ender in self._enders:
            self._guard_ender(ender)

    def close(self) -> None:
        """Let go of the descriptors."""
        self._selector.close()

    def _wait(self) -> float:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return _LONGEST_WAIT
        return min(max(self._timers[0][0] - self.now(), 0), _LONGEST_WAIT)

    def _call_due(self) -> None:
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            call, timer.call = timer.call, None
            if call is not None:
                self._guard(call)

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as exc:  # noqa: BLE001 (a fault in one app must not end the parent of all)
            self._fault(exc)

    def _guard_ender(self, call: Callable[[], bool]) -> None:
        try:
            self._busy = call() or self._busy
        except Exception as exc:  # noqa: BLE001 (as above)
            self._fault(exc)


def _order(ready: tuple[selectors.SelectorKey, int]) -> int:
    order: int = ready[0].data[0]
    return order
