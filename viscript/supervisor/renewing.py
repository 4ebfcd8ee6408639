"""Runs begun for a reason of their own: a time of a schedule, a file that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from viscript.supervisor.api import AppEntry
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Trigger
from viscript.supervisor.starting import Starting


class Renewing:
    """Starts and restarts instances as their apps are configured now."""

    def __init__(
        self, conductor: Conductor, starting: Starting, apps: Callable[[], Mapping[str, AppEntry]]
    ) -> None:
        self._conductor = conductor
        self._starting = starting
        self._apps = apps

    def refresh(self, managed: Managed) -> None:
        """The next run uses the app as it is configured now."""
        entry = self._apps().get(managed.app)
        if entry is None or not managed.entry.is_configured:
            return
        follows = managed.configured and managed.args == managed.entry.spec.default_args
        managed.entry = entry
        managed.args = entry.spec.default_args if follows else managed.args

    def begin(self, managed: Managed, reason: str, actor: str) -> None:
        """Start it, or end its pause before a restart."""
        self.refresh(managed)
        self._conductor.fire(managed, Trigger.START, reason=reason, actor=actor)

    async def obstacle(self, managed: Managed) -> str:
        """Why it could not come up again, if it were stopped; empty when nothing is in its way."""
        self.refresh(managed)
        return await self._starting.obstacle(managed)

    def again(self, managed: Managed, reason: str, actor: str) -> None:
        """Stop it and start it."""
        self.refresh(managed)
        self._conductor.fire(managed, Trigger.RESTART, reason=reason, actor=actor)
