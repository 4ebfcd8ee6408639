"""Changes done with a journal in front of them, and taken back in the opposite order."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from plugins.vpn.changes import Change, Sysctl, Table, doing, inverse
from plugins.vpn.host import Host, HostError
from plugins.vpn.journal import Confirmed, Entry, Journal, Undone, Wish

log = logging.getLogger(__name__)


class Undoable:
    """The changes of one app on this host."""

    def __init__(self, journal: Journal, host: Host) -> None:
        self._journal = journal
        self._host = host

    @property
    def entries(self) -> Sequence[Entry]:
        """What may be done now, the oldest first."""
        record = self._journal.record
        return () if record is None else tuple(record.entries)

    @property
    def is_confirmed(self) -> bool:
        """Whether somebody confirmed that the host can still be reached."""
        return self._journal.record is not None and self._journal.record.confirmed

    def start(self, wish: str, guard: Sequence[Table]) -> bool:
        """Begin: what a process before left is undone, but for tables of `guard`, which are never away.

        The answer: whether the same wish was confirmed before. Raises `HostError`, `JournalError`, `OSError`.
        """
        record = self._journal.open() or self._journal.begin()
        self.back_to({table.name for table in guard})
        if record.wish != wish:
            self._journal.write(Wish(wish))
        self.apply(guard)
        return self.is_confirmed

    def apply(self, changes: Sequence[Change]) -> None:
        """Do them. Raises `HostError` or `OSError`; what was done until then is in the journal."""
        for change in changes:
            if not (isinstance(change, Table) and self._holds({change.name})):
                before = self._host.before(change) if isinstance(change, Sysctl) else {}
                self._journal.write(Entry(change, before))
            self._host.do(doing(change))

    def confirm(self) -> None:
        """From now on a guarded tunnel is not undone by itself. Raises `OSError`."""
        if not self.is_confirmed:
            self._journal.write(Confirmed())

    def back_to(self, names: set[str]) -> None:
        """Undo all but the tables of these names. Raises `HostError` or `OSError` for what is not undone."""
        fault: HostError | OSError | None = None
        for place, entry in reversed(list(enumerate(self.entries))):
            if _is_table(entry, names):
                continue
            try:
                for step in inverse(entry.change, entry.before):
                    self._host.do(step)
                self._journal.write(Undone(place))
            except (HostError, OSError) as exc:  # the others are undone all the same; this one stays written
                log.error("could not undo %s", exc)
                fault = fault if isinstance(fault, HostError) else exc
        if fault is not None:
            raise fault

    def undo(self) -> None:
        """Undo all and end the journal. Raises `HostError` when something could not be undone."""
        try:
            if self._journal.record is not None:
                self.back_to(set())
        except HostError:
            raise
        except OSError as exc:  # a full disk; all is undone, and the file can be removed all the same
            log.warning("could not note what was undone: %s", exc)
        self._journal.end()

    def _holds(self, names: set[str]) -> bool:
        held = {entry.change.name for entry in self.entries if isinstance(entry.change, Table)}
        return names <= held


def _is_table(entry: Entry, names: set[str]) -> bool:
    return isinstance(entry.change, Table) and entry.change.name in names
