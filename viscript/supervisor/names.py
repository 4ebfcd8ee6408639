"""Who has which name: at most one that lives, or that the configuration keeps."""

from __future__ import annotations

from viscript.errors import ExitCode, VerbError
from viscript.supervisor.instance import Managed
from viscript.supervisor.roster import ENDED, free_name


class Names:
    """The newest holder of each name; one that lives comes before all that ended."""

    def __init__(self) -> None:
        self._holders: dict[str, Managed] = {}

    def hold(self, managed: Managed) -> None:
        """The name is this one's from now on."""
        self._holders[managed.name] = managed

    def changed(self, managed: Managed) -> None:
        """Who lives has its name, however old it is."""
        if managed.phase not in ENDED:
            self.hold(managed)

    def drop(self, managed: Managed) -> None:
        """It is nobody any more."""
        if self._holders.get(managed.name) is managed:
            del self._holders[managed.name]

    def is_taken(self, name: str) -> bool:
        """Whether an instance that lives, or belongs to the configuration, has the name."""
        holder = self._holders.get(name)
        return holder is not None and (holder.phase not in ENDED or holder.configured)

    def choose(self, wanted: str | None, app: str) -> str:
        """The name of a new one: as wanted, else the app's with a number. Raises VerbError when taken."""
        if wanted is not None and self.is_taken(wanted):
            raise VerbError(ExitCode.FAILED, f"the name {wanted!r} is taken (la shows by whom)")
        return wanted or free_name(app, self.is_taken)

    def check(self, managed: Managed) -> None:
        """An ended one has its name back only while nobody else has it. Raises VerbError."""
        holder = self._holders.get(managed.name)
        if holder is None or holder is managed or managed.phase not in ENDED:
            return
        if self.is_taken(managed.name):
            text = (
                f"{managed.name} ({managed.seq}) does not start again: its name is that of {holder.seq} now"
                f" (`restart {holder.seq}`, or `start {managed.app}` for another)"
            )
            raise VerbError(ExitCode.FAILED, text)
