"""Everything that may happen to two groups, in random order; then all ends well."""

import random
from collections.abc import Callable

from components.visor.plane.streams.api import Code
from components.visor.plane.streams.errors import LimitError
from components.visor.plane.streams.limits import EARLY_MAX
from tests.support.streams import App, Net, Side

APPS = 12
ROUTES = 3


class Chaos:
    """One run; the seed decides it."""

    def __init__(self, seed: int, *, resets: bool = False, crashes: bool = False) -> None:
        self.random = random.Random(seed)
        budget = self.random.choice([1 << 18, 1 << 20, 1 << 26])
        self.net = Net(budget=budget, room=self.random.choice([0, 1 << 40]))
        self.written: dict[tuple[Side | int, int], bytearray] = {}
        self.reset_by_app: set[int] = set()
        self.crashed: list[Side] = []
        self.steps = self._steps(resets=resets, crashes=crashes)
        self.net.up(self.random.randrange(3))

    def _steps(self, *, resets: bool, crashes: bool) -> list[Callable[[], None]]:
        often = (
            [self.pull] * 60 + [self.deliver] * 60 + [self.write] * 16 + [self.take] * 12 + [self.wait] * 6
        )
        rare = [self.open, self.open, self.end, self.up, self.up, self.kill, self.cut, self.mute, self.twice]
        return often + rare + [self.reset] * 4 * resets + [self.crash] * crashes

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.random.choice(self.steps)()
        self.finish()

    # One step each.

    def side(self) -> Side:
        return self.random.choice([self.net.a, self.net.b])

    def pick(self) -> tuple[Side, int, App] | None:
        side = self.side()
        alive = [(side, id, app) for id, app in side.apps.items() if not app.codes]
        return self.random.choice(alive) if alive else None

    def wire(self) -> int | None:
        return self.random.choice(list(self.net.wires)) if self.net.wires else None

    def open(self) -> None:
        side = self.side()
        if len(side.apps) < APPS:
            try:
                id, _ = self.net.open(side)
            except LimitError:
                return
            early = self.random.randbytes(self.random.choice([0, 1, 300, EARLY_MAX]))
            if early and side.group.early(id, early):
                self.written[id, side.incarnation] = bytearray(early)

    def write(self) -> None:
        picked = self.pick()
        if picked is not None and not picked[2].wrote_end:
            side, id, _ = picked
            data = self.random.randbytes(self.random.choice([1, 100, 5000, 70_000, 400_000]))
            self.written.setdefault((id, side.incarnation), bytearray()).extend(data)
            self.net.write(side, id, data)

    def end(self) -> None:
        picked = self.pick()
        if picked is not None:
            self.net.write(picked[0], picked[1], b"", end=True)

    def reset(self) -> None:
        picked = self.pick()
        if picked is not None:
            side, id, app = picked
            self.reset_by_app.add(id)
            if self.random.random() < 0.5:
                app.broken = True
                side.group.readable(id)
                side.group.writable(id, self.net.now)
            else:
                side.group.reset(id, 300)

    def take(self) -> None:
        picked = self.pick()
        if picked is not None:
            self.net.take(picked[0], picked[1], self.random.choice([1, 1000, 100_000]))

    def pull(self) -> None:
        wire = self.wire()
        if wire is not None:
            self.net.pull(self.side(), wire, self.random.choice([64, 1000, 65536]))

    def deliver(self) -> None:
        wire = self.wire()
        if wire is not None:
            self.net.deliver(self.side(), wire)
            self.bury()

    def twice(self) -> None:
        wire = self.wire()
        if wire is not None:
            self.net.deliver(self.side(), wire, twice=True)
            self.bury()

    def wait(self) -> None:
        self.net.pass_time(self.random.choice([0.001, 0.01, 0.25, 3]))
        self.bury()

    def up(self) -> None:
        if max(len(side.group.routes) for side in (self.net.a, self.net.b)) < ROUTES:
            self.net.up(self.random.randrange(3))

    def kill(self) -> None:
        wire = self.wire()
        if wire is not None:
            self.net.kill(wire)

    def cut(self) -> None:
        """One side hears of it now, the other one finds out."""
        wire = self.wire()
        if wire is not None:
            self.net.cut(wire)
            self.side().group.route_down(wire, self.net.now)

    def mute(self) -> None:
        """From now on one side is not heard on this route, and nobody says so."""
        wire = self.wire()
        if wire is not None:
            self.net.wires[wire].mute.add(self.random.random() < 0.5)

    def crash(self) -> None:
        self.crashed.append(self.net.b)
        self.net.crash()

    def bury(self) -> None:
        """As the shell does: a route that one side gave up is closed for both."""
        for side in (self.net.a, self.net.b):
            for number in side.dead:
                self.net.wires.pop(number, None)
                self.net.other(side).group.route_down(number, self.net.now)
            side.dead.clear()

    # The end.

    def finish(self) -> None:
        net = self.net
        for _ in range(12):
            net.pass_time(11)
            self.bury()
            self.up()
            net.settle()
            self.bury()
            for side in (net.a, net.b):
                for id, app in side.apps.items():
                    if not app.codes:
                        net.take(side, id, 1 << 30)
                        net.write(side, id, b"", end=True)

    def assert_all_arrived(self) -> None:
        for side in (self.net.a, self.net.b):
            for id, app in side.apps.items():
                peer = self.net.other(side).apps.get(id)
                if peer is None:
                    assert app.codes == [Code.BUSY]
                    continue
                assert app.codes == [None]
                assert app.ends == 1
                assert peer.got == self.written.get((id, side.incarnation), b"")
        self.net.assert_nothing_is_held()

    def assert_all_over(self) -> None:
        a, b = self.net.a, self.net.b
        for side, other in ((a, b), (b, a)):
            for id, app in side.apps.items():
                assert len(app.codes) == 1
                assert app.ends <= 1
                peer = other.apps.get(id)
                if peer is not None and not self.crashed:
                    assert self.written.get((id, other.incarnation), b"").startswith(app.got)
                    assert app.codes == [None] or id in self.reset_by_app
        self.net.assert_nothing_is_held()
