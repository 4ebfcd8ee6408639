"""The roll of all instances: ids given out, names held, what is remembered, and the oldest forgotten."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from viscript.errors import ExitCode, VerbError
from viscript.store.memory import Memory
from viscript.store.writer import StoreError
from viscript.supervisor.api import AppEntry
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import Keeper
from viscript.supervisor.names import Names
from viscript.supervisor.orders import log_folder
from viscript.supervisor.roster import to_forget

log = logging.getLogger(__name__)

FORGET_EVERY: Final = 64  # new ids between two looks for the oldest ended ones


class Roll:
    """Adds to `conductor.managed` and takes from it. `logs` is the folder of all apps' logs."""

    def __init__(self, conductor: Conductor, keeper: Keeper, memory: Memory, logs: str) -> None:
        self._conductor = conductor
        self._keeper = keeper
        self._memory = memory
        self._logs = logs
        self._next_seq = 1
        self._names = Names()
        self.check_name = self._names.check
        conductor.after_change.append(self._names.changed)

    async def remember(self) -> None:
        """Fill in the instances the store knows; the keeper then says which of them live."""
        for record in await self._memory.instances():
            folder = log_folder(self._logs, record.seq, record.name)
            try:
                managed = Managed.from_record(record, folder)
            except ValueError as exc:  # written by another version
                log.error("seq=%d name=%s is not remembered: %s", record.seq, record.name, exc)
                continue
            self._conductor.managed[record.seq] = managed
            self._names.hold(managed)

    def count_from(self, seq: int) -> None:
        """Give out no id below `seq`, nor one that is held."""
        self._next_seq = max([seq, self._next_seq, *[held + 1 for held in self._conductor.managed]])

    def held(self, seq: int) -> Managed:
        """The one with that id. Raises VerbError NOT_FOUND."""
        managed = self._conductor.managed.get(seq)
        if managed is None:
            raise VerbError(ExitCode.NOT_FOUND, f"no app has the id {seq} (la -a lists all)")
        return managed

    def create(
        self,
        entry: AppEntry,
        args: Sequence[str],
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        configured: bool = False,
    ) -> Managed:
        """A new id in phase stopped. Raises VerbError when the name asked for is taken."""
        chosen = self._names.choose(name, entry.name)
        seq = self._next_seq
        self._next_seq += 1
        managed = Managed(
            seq=seq,
            name=chosen,
            entry=entry,
            since=self._conductor.now(),
            args=tuple(args),
            env=dict(env or {}),
            configured=configured,
            log_dir=log_folder(self._logs, seq, chosen),
        )
        self._conductor.managed[seq] = managed
        self._names.hold(managed)
        if seq % FORGET_EVERY == 0:
            self._forget_oldest()
        return managed

    async def keep(self, managed: Managed) -> None:
        """Have the new id written down: it must never be given out again. Raises VerbError."""
        try:
            await self._memory.keep(managed.record())
        except StoreError as exc:
            self._drop(managed)
            raise VerbError(ExitCode.FAILED, f"{managed.app}: its id cannot be kept: {exc}") from exc

    def _drop(self, managed: Managed) -> None:
        del self._conductor.managed[managed.seq]
        self._names.drop(managed)

    def _forget_oldest(self) -> None:
        gone = to_forget(self._conductor.managed.values())
        for seq in gone:
            self._drop(self._conductor.managed[seq])
            self._keeper.tell("forget", seq=seq, logs=True)
        if gone:
            self._memory.forget(gone)
