"""Who follows the output of which app, and that the keeper tells when it grows."""

from __future__ import annotations

from collections.abc import Callable

from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper
from viscript.supervisor.lifecycle import Phase

Changed = Callable[[], None]


class Watching:
    """The keeper tells of growth only while somebody listens, and forgets that at each launch."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._listeners: dict[int, set[Changed]] = {}

    def listen(self, seq: int, changed: Changed) -> Callable[[], None]:
        """Call `changed` soon after the app wrote something; the answer ends it."""
        listeners = self._listeners.setdefault(seq, set())
        if not listeners:
            self._keeper.tell("watch", seq=seq, on=True)
        listeners.add(changed)

        def end() -> None:
            listeners.discard(changed)
            if not listeners and self._listeners.get(seq) is listeners:
                del self._listeners[seq]
                self._keeper.tell("watch", seq=seq, on=False)

        return end

    def wrote(self, seq: int) -> None:
        """The app wrote something."""
        for changed in tuple(self._listeners.get(seq, ())):
            changed()

    def again(self) -> None:
        """A new keeper does not know yet whose output is followed."""
        for seq in self._listeners:
            self._keeper.tell("watch", seq=seq, on=True)

    def changed(self, managed: Managed) -> None:
        """After every change: a run that was just launched is watched from its start."""
        if managed.phase is Phase.STARTING and managed.pid and managed.seq in self._listeners:
            self._keeper.tell("watch", seq=managed.seq, on=True)
