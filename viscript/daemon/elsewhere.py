"""Who answers the ready check of an app in its place, or holds its address: looked up in a thread."""

import asyncio
from functools import partial

from viscript.diagnose.answering import held_by_another, is_here
from viscript.diagnose.belonging import Belonging
from viscript.diagnose.occupied import occupied
from viscript.diagnose.verdict import held
from viscript.supervisor.checking import Answerer
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed


class Elsewhere:
    """See `viscript.supervisor.checking.Elsewhere`."""

    def __init__(self, conductor: Conductor, home: str) -> None:
        self._conductor = conductor
        self._home = home

    async def __call__(self, managed: Managed, host: str, port: int) -> Answerer | None:
        """A stranger, or another app of this home."""
        pid = managed.pid
        if pid is None or not is_here(host):
            return None
        belonging = self._belonging()
        conflict = await asyncio.to_thread(
            held_by_another, host, port, seq=managed.seq, pid=pid, seq_of=belonging.seq_of
        )
        return None if conflict is None else Answerer(held(conflict), conflict.id)

    async def holds(self, managed: Managed, address: str, kind: str) -> str:
        """See `viscript.supervisor.starting.Holds`."""
        find = partial(occupied, address, kind, seq=managed.seq, seq_of=self._belonging().seq_of)
        conflict = await asyncio.to_thread(find)
        return "" if conflict is None else held(conflict)

    def _belonging(self) -> Belonging:
        leaders = {one.pid: seq for seq, one in self._conductor.managed.items() if one.pid is not None}
        return Belonging(self._home, leaders)
