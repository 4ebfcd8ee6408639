"""One plugin's place in the host: where it came from, what holds it, how it stands."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from typing import Any, Final, Literal

import msgspec

from viscript.errors import VerbError
from viscript.pluginhost import entries
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.holder import Holder, Hook
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import DoctorCheck, PluginRecord, Registration, Target
from viscript.supervisor.api import AppEntry

log = logging.getLogger(__name__)

ANSWERS: Final[dict[str, Any]] = {  # Any: a type, as msgspec takes it
    "viscript_resolve_target": Target | None,
    "viscript_state_store": str | None,
    "viscript_doctor": list[DoctorCheck] | None,
}

State = Literal["loaded", "loading", "broken", "failed", "blocked"]


class Slot:
    """What the host knows of one plugin."""

    def __init__(self, source: Source, holder: Holder) -> None:
        self.source = source
        self.holder = holder
        self.registration = Registration(file=source.target, version=source.version)
        self.blocked = False
        self._fault: PluginError | None = None
        self._seconds: float | None = None

    @property
    def state(self) -> State:
        """The word for how it stands."""
        if self.blocked:
            return "blocked"
        if self._fault is not None:
            return "broken"
        if self.holder.tally.failed:
            return "failed"
        return "loading" if self._seconds is None else "loaded"

    @property
    def works(self) -> bool:
        """Whether it counts; a failed one keeps its apps, they do not run its hooks."""
        return self.state in ("loaded", "failed")

    def started(self, registration: Registration, seconds: float) -> None:
        """It is imported and registered."""
        self.registration, self._seconds = registration, seconds

    def broke(self, fault: PluginError) -> None:
        """It cannot be used."""
        self._fault = fault

    def check(self, others: Iterable[Slot], core_spellings: Collection[str]) -> None:
        """Raises `PluginError` when its settings are wrong or a name it registers is taken."""
        faults = [f"{fault.path}: {fault.message}" for fault in self.registration.setting_faults]
        taken_apps: dict[str, str] = {}
        taken_verbs = dict.fromkeys(core_spellings, "viscript itself")
        for other in others:
            owner = f"plugin {other.source.name}"
            taken_apps |= dict.fromkeys(other._app_names(), owner)
            taken_verbs |= dict.fromkeys(other._verb_names(), owner)
        faults += _clashes("app", self._app_names(), taken_apps)
        faults += _clashes("verb", self._verb_names(), taken_verbs)
        if faults:
            raise PluginError("; ".join(faults))

    def _app_names(self) -> list[str]:
        return [name for spec in self.registration.apps for name in (spec.name, *spec.aliases)]

    def _verb_names(self) -> list[str]:
        return [name for spec in self.registration.verbs for name in (spec.name, *spec.aliases)]

    def apps(self, settings: dict[str, Any]) -> list[AppEntry]:  # Any: as config.yaml has it
        """Its apps, as something that can be started."""
        name, file = self.source.name, self.registration.file
        return [
            entries.app_entry(spec, plugin=name, file=file, settings=settings)
            for spec in self.registration.apps
        ]

    async def ask(self, hook: Hook, text: str) -> Any:  # Any: what ANSWERS says
        """The answer of one hook; None when it raises or answers what it must not."""
        try:
            answer = await self.holder.hook(hook, text)
            return msgspec.convert(answer, ANSWERS[hook])
        except (PluginError, VerbError) as fault:
            log.warning("plugin=%s hook=%s: %s", self.source.name, hook, fault)
        except msgspec.ValidationError as exc:
            wrong = PluginError(f"{hook} answered something else: {exc}")
            self.holder.tally.went_wrong(hook, wrong)
            log.warning("plugin=%s %s", self.source.name, wrong.text)
        return None

    async def close(self) -> None:
        """End what runs for it."""
        await self.holder.close()

    def record(self) -> PluginRecord:
        """How `plugins` shows it."""
        tally = self.holder.tally
        fault = self._fault
        return PluginRecord(
            name=self.source.name,
            kind=self.source.kind,
            state=self.state,
            file=self.registration.file,
            version=self.registration.version,
            hooks=self.registration.hooks,
            apps=tuple(spec.name for spec in self.registration.apps),
            verbs=tuple(spec.name for spec in self.registration.verbs),
            load_seconds=self._seconds,
            calls=tally.calls,
            raised=tally.raised,
            events_dropped=tally.dropped,
            error=fault.text if fault else tally.failed or tally.error,
            traceback=fault.traceback if fault else tally.traceback,
        )


def _clashes(what: str, names: list[str], taken: dict[str, str]) -> list[str]:
    own = [name for index, name in enumerate(names) if name in names[:index]]
    twice = [f"{what} {name} is registered twice" for name in own]
    return twice + [
        f"{what} {name} is already registered by {taken[name]}" for name in names if name in taken
    ]
