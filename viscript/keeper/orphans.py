"""Our own children that we did not spawn: what apps left behind, sorted by the app they came from.

We are the reaper of all that apps orphan, so when a leader is gone and none of its descendants is our child,
its tree is empty: whoever lives has an ancestor here. That costs one read instead of a scan of the system;
and since the kernel gives orphans to our first thread while apps are children of the one that spawns, the
list is short however many apps run.
"""

from collections.abc import Callable

from viscript.keeper.host import Host


class Orphans:
    """Keeps count. `spawned` and `reaped` must be told of every child."""

    def __init__(self, host: Host, grouped: Callable[[int], int | None] = lambda pid: None) -> None:
        self._host = host
        self._grouped = grouped  # by the group it is in
        self._spawned: set[int] = set()
        self._owners: dict[int, int | None] = {}
        self.usable = True  # whether the host tells our children at all

    def spawned(self, pid: int) -> None:
        """A child that we made."""
        self._spawned.add(pid)

    def reaped(self, pid: int) -> int | None:
        """A child is gone; the app it was an orphan of."""
        self._spawned.discard(pid)
        return self._owners.pop(pid, None)

    def of(self, seq: int) -> list[int]:
        """What is left of an app besides its leader, oldest first as the kernel numbers."""
        self._refresh()
        return sorted(pid for pid, owner in self._owners.items() if owner == seq)

    def adopt_leader(self, pid: int) -> None:
        """An orphan is the leader from now on."""
        self._owners.pop(pid, None)
        self._spawned.add(pid)

    def _refresh(self) -> None:
        children = self._host.children()
        if children is None:
            self.usable = False
            return
        for pid in children - self._spawned - self._owners.keys():
            tag = self._host.tag_of(pid)
            self._owners[pid] = tag if tag is not None else self._grouped(pid)
