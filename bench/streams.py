"""What a unit costs in the pure part of the data plane: `python -P -m bench.streams` writes JSON.

Two groups in one process hand each other units over a list; apps are buffers in memory. So the figures are
the CPU time of the state machines and their copies, without sockets and ciphers: what the sender and the
receiver pay for each unit of payload, with all acknowledgements, credit and deadlines, and a loop turn for
every two units.
"""

import json
import sys
from time import process_time

from components.visor.plane.streams.api import BLOCKED, Left, Want
from components.visor.plane.streams.budget import Budget
from components.visor.plane.streams.core import Memory
from components.visor.plane.streams.group import Group
from components.visor.plane.streams.limits import RECEIVING_BUDGET, SENDING_BUDGET
from components.visor.plane.streams.store import Pool

UNITS = 20_000
ROUTE = 1
A_TURN = 2  # units in a record, between two looks at what comes back


def _cost_of_the_clock() -> float:
    started = process_time()
    for _ in range(10_000):
        process_time()
    return (process_time() - started) / 10_000


CLOCK_S = _cost_of_the_clock()


class Source:
    """An app that writes `size` bytes at a time, or none."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.left = 0

    def read(self, into: memoryview) -> int:
        if not self.left:
            return BLOCKED
        self.left -= 1
        return min(self.size, len(into))

    def write(self, data: memoryview) -> int:
        return len(data)

    def end(self) -> None: ...

    def opened(self) -> None: ...

    def closed(self, code: int | None) -> None: ...


class Node:
    """One end."""

    def __init__(self, *, initiator: bool, size: int) -> None:
        memory = Memory(Pool(), Budget(SENDING_BUDGET), Budget(RECEIVING_BUDGET))
        self.group = Group(initiator=initiator, incarnation=1 + initiator, memory=memory, owner=self)
        self.size = size
        self.spent = 0.0
        self.units = [memoryview(bytearray(1 << 16)) for _ in range(64)]

    def wake(self, route: int, want: Want) -> None: ...

    def offered(self, stream: int, port: int, source: int) -> None:
        self.group.accept(stream, Source(self.size))

    def message(self, port: int, source: int, body: memoryview) -> None: ...

    def switched(self, old: int | None, new: int | None, why: Left) -> None: ...

    def route_dead(self, route: int) -> None: ...

    def pull(self, now: float, most: int) -> list[memoryview]:
        """The next units."""
        started = process_time()
        units = []
        for room in self.units[:most]:
            size = self.group.next_unit(ROUTE, room, now)
            if not size:
                break
            units.append(room[:size])
        self.spent += process_time() - started - CLOCK_S
        return units

    def take(self, units: list[memoryview], now: float) -> None:
        """What the other one pulled."""
        started = process_time()
        for unit in units:
            self.group.take_unit(ROUTE, unit, now)
        due = self.group.next_deadline()
        if due is not None and now >= due:
            self.group.tick(now)
        self.spent += process_time() - started - CLOCK_S


def measure(size: int, streams: int) -> dict[str, float]:
    """Send `UNITS` units of `size` bytes by `streams` streams."""
    a, b = Node(initiator=True, size=size), Node(initiator=False, size=size)
    now = 0.0
    for node in (a, b):
        node.group.route_up(ROUTE, cost=1, now=now)
    sources = {}
    for _ in range(streams):
        source = Source(size)
        sources[a.group.open(7, source, source=9, now=now)] = source
    for _ in range(4 + streams // 16):
        b.take(a.pull(now, 64), now)
        a.take(b.pull(now, 64), now)
    for id, source in sources.items():
        source.left = UNITS // streams
        a.group.readable(id)
    a.spent = b.spent = 0.0
    sent = 0
    while any(source.left for source in sources.values()):
        now += 0.001
        units = a.pull(now, A_TURN)
        sent += len(units)
        b.take(units, now)
        a.take(b.pull(now, A_TURN), now)
    return {
        "bytes": size,
        "streams": streams,
        "units": sent,
        "sender_us": round(a.spent / sent * 1e6, 2),
        "receiver_us": round(b.spent / sent * 1e6, 2),
    }


def main() -> None:
    """All cases."""
    cases = [(size, streams) for size in (64, 1400, 65_000) for streams in (1, 128)]
    json.dump({"units": [measure(*case) for case in cases]}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
