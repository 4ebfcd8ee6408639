"""What holds a loaded plugin: a process of its own (`Remote`), or, for built-ins, the daemon (`Local`)."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol

from viscript.errors import ExitCode, VerbError
from viscript.events import Event
from viscript.pluginhost import wire
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.loaded import Loaded
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import Answer, Registration
from viscript.pluginhost.verbcall import Port, VerbCall

log = logging.getLogger(__name__)

STRIKES: Final = 5
TRACE: Final = logging.INFO if os.environ.get("VISCRIPT_TRACE_PLUGINS") == "1" else logging.DEBUG

Hook = Literal["viscript_resolve_target", "viscript_state_store", "viscript_doctor"]
ARGUMENT: Final = {"viscript_resolve_target": "target", "viscript_state_store": "url"}


class Tally:
    """How the calls of one plugin went; tells when it has failed for good. Pure."""

    def __init__(self) -> None:
        self.calls = 0
        self.raised = 0
        self.dropped = 0
        self.error = ""
        self.traceback = ""
        self.failed = ""
        self._row: dict[str, int] = {}

    def went_well(self, hook: str) -> None:
        """A call came back."""
        self.calls += 1
        self._row[hook] = 0

    def went_wrong(self, hook: str, fault: PluginError) -> None:
        """A call raised; the fifth in a row of one hook is the last."""
        self.calls += 1
        self.raised += 1
        self.error, self.traceback = fault.text, fault.traceback
        self._row[hook] = self._row.get(hook, 0) + 1
        if self._row[hook] >= STRIKES:
            self.give_up(f"{hook} raised {STRIKES} times in a row, last {fault.text}")

    def give_up(self, reason: str) -> None:
        """The plugin is not called again until it is reloaded."""
        self.failed = self.failed or reason

    def check(self, plugin: str) -> None:
        """Raises `PluginError` when the plugin has failed."""
        if self.failed:
            raise PluginError(
                f"plugin {plugin} was stopped: {self.failed}; `plugins reload {plugin}` loads it again"
            )


class Holder(Protocol):
    """A loaded plugin, wherever it runs."""

    tally: Tally

    async def load(self, deadline_s: float) -> Registration:
        """Import and register. Raises `PluginError`."""

    async def hook(self, name: Hook, text: str = "") -> Any:  # Any: plain data, or what the hook answers
        """Call one hook that answers. Raises `PluginError`."""

    async def verb(self, name: str, call: wire.CallData, port: Port) -> Answer:
        """Run a verb's handler. Raises `VerbError`, for a bug of the plugin too."""

    def tell(self, event: Event) -> None:
        """Hand over an event; never waits, never raises."""

    async def close(self) -> None:
        """End what runs for the plugin."""


class Local:
    """A built-in plugin, inside the daemon: it is guarded against raising, not against blocking."""

    def __init__(self, source: Source, settings: Mapping[str, object]) -> None:
        self.tally = Tally()
        self._source = source
        self._settings = settings
        self._plugin: Loaded | None = None

    async def load(self, deadline_s: float) -> Registration:
        """Import and register. Raises `PluginError`."""
        self._plugin = Loaded(self._source, self._settings)
        return self._plugin.registration

    async def hook(self, name: Hook, text: str = "") -> Any:  # Any: what the hook answers
        """Call one hook that answers. Raises `PluginError`."""
        given = {ARGUMENT[name]: text} if name in ARGUMENT else {}
        return self._call(name, **given)

    async def verb(self, name: str, call: wire.CallData, port: Port) -> Answer:
        """Run a verb's handler. Raises `VerbError`."""
        try:
            self.tally.check(self._source.name)
            if self._plugin is None:
                raise PluginError(f"plugin {self._source.name} is not loaded")
            value = await self._plugin.handlers[name](VerbCall(call, port))
        except VerbError:
            raise
        except Exception as exc:  # a bug in one verb is that verb's failure
            log.exception("plugin=%s verb=%s raised", self._source.name, name)
            raise VerbError(
                ExitCode.FAILED, f"verb {name} of plugin {self._source.name} failed: {exc}"
            ) from exc
        return value if isinstance(value, Answer) else Answer(data=value)

    def tell(self, event: Event) -> None:
        """Hand over an event; never raises."""
        if self.tally.failed:
            return
        try:
            self._call("viscript_event", event=event)
        except PluginError as fault:
            log.warning("plugin=%s hook=viscript_event: %s", self._source.name, fault)

    async def close(self) -> None:
        """Nothing runs for it."""

    def _call(self, hook: str, **given: object) -> Any:  # Any: what the hook answers
        self.tally.check(self._source.name)
        if self._plugin is None:
            raise PluginError(f"plugin {self._source.name} is not loaded")
        started = time.monotonic()
        try:
            value = self._plugin.call(hook, **given)
        except PluginError as fault:
            self.tally.went_wrong(hook, fault)
            raise
        finally:
            traced(self._source.name, hook, started)
        self.tally.went_well(hook)
        return value


def traced(plugin: str, hook: str, started: float) -> None:
    """One line a hook call; shown at the usual level when `VISCRIPT_TRACE_PLUGINS=1`."""
    log.log(TRACE, "plugin=%s hook=%s seconds=%.4f", plugin, hook, time.monotonic() - started)
