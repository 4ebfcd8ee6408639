"""All plugins of one daemon: finds them, loads each apart, answers for those that work, reports the others.

Nothing here waits on a plugin without a deadline, and only `load`, `reload`, `refresh` and `configure` wait
for loading at all, for a short while: what takes longer goes on loading beside the daemon, and `changed` is
called when it is done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from viscript.config.model import Plugins
from viscript.config.suggest import look_alikes
from viscript.errors import ExitCode, VerbError
from viscript.events import Event
from viscript.pluginhost import entries, running, source
from viscript.pluginhost.errors import BrokenPluginsError, PluginError
from viscript.pluginhost.holder import Holder, Hook, Local
from viscript.pluginhost.loaded import forget
from viscript.pluginhost.packages import in_packages
from viscript.pluginhost.remote import Remote
from viscript.pluginhost.slot import Slot
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import DoctorCheck, PluginRecord, SettingFault, Target
from viscript.supervisor.api import AppEntry
from viscript.verbs.table import Table, Verb

log = logging.getLogger(__name__)

LOAD_S: Final = 10.0
PATIENCE_S: Final = 2.0
AT_ONCE: Final = 8
_FOR_NONE: Final = "viscript plugins; then mend its name, or take its settings out of the file"


class PluginHost:
    """`async with PluginHost(...) as host: await host.load()`; leaving it ends every worker process."""

    def __init__(
        self,
        config: Plugins,
        home_folder: Path,
        *,
        base: Path = Path("/"),
        core_spellings: Collection[str] = (),
        run_verb: entries.RunVerb = running.run_verb,
        changed: Callable[[], None] = lambda: None,
        built_in: Path | None = source.BUILT_IN_FOLDER,
        packages: bool = True,
        load_s: float = LOAD_S,
        hook_s: float = 5.0,
    ) -> None:
        """`base` is the config file's folder; `core_spellings` are the verb spellings no plugin may take."""
        self._config = config
        self._home_folder = home_folder
        self._base = base
        self._core_spellings = frozenset(core_spellings)
        self._run_verb = run_verb
        self._listener = changed
        self._built_in = built_in
        self._packages = packages
        self._load_s = load_s
        self._hook_s = hook_s
        self._slots: dict[str, Slot] = {}
        self._stamps: dict[str, source.Stamp] = {}
        self._installed: list[str] = []
        self._room = asyncio.Semaphore(AT_ONCE)
        self._changing = asyncio.Lock()  # one change of the set of plugins at a time
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> PluginHost:
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for slot in self._slots.values():
            await slot.close()
        # without the body's error: the group would wrap it, and there is nothing left for it to cancel
        await self._stack.__aexit__(None, None, None)

    # -- finding and loading

    async def load(self, *, patience_s: float = PATIENCE_S) -> None:
        """Find and load all; what takes longer than `patience_s` goes on beside.

        Raises `BrokenPluginsError` when one is broken and the configuration is strict.
        """
        async with self._changing:
            found = await self._look()
            await self._load(found, None if self._config.strict else patience_s)
        self._check_strict()

    async def refresh(self, *, patience_s: float = PATIENCE_S) -> bool:
        """Notice new, changed and removed files; cheap when there are none. True if there were any."""
        async with self._changing:
            stamps = source.stamps(self._folders())
            if stamps == self._stamps:
                return False
            self._stamps = stamps
            found = await self._find(packages=False)
            await self._unload_all_but(found)
            await self._load([one for one in found if self._is_news(one)], patience_s)
        self._changed()
        return True

    async def reload(self, name: str | None = None, *, patience_s: float = LOAD_S) -> list[PluginRecord]:
        """Load one plugin again, or look everywhere again. Raises `VerbError` NOT_FOUND."""
        async with self._changing:
            found = await self._look()
            chosen = [one for one in found if name in (None, one.name)]
            if name is not None and not chosen and name not in self._slots:
                raise self._unknown(name)
            await self._unload_all_but(found)
            for one in chosen:
                forget(one)
            await self._load(chosen, patience_s)
        self._changed()
        return [record for record in self.records() if name in (None, record.name)]

    async def configure(self, config: Plugins, base: Path) -> None:
        """A new configuration is active: load, unload and reload what it touches. Raises as `load` does."""
        async with self._changing:
            old, self._config, self._base = self._config, config, base
            found = await self._look()
            await self._unload_all_but(found)
            touched = [one for one in found if self._is_touched(one, old)]
            await self._load(touched, None if config.strict else PATIENCE_S)
        self._changed()
        self._check_strict()

    def _is_news(self, one: Source) -> bool:
        slot = self._slots.get(one.name)
        return slot is None or (slot.source != one and slot.source.kind in ("file", "folder"))

    def _is_touched(self, one: Source, old: Plugins) -> bool:
        slot = self._slots.get(one.name)
        settings_changed = old.settings.get(one.name) != self._config.settings.get(one.name)
        block_changed = (one.name in old.block) != (one.name in self._config.block)
        return slot is None or slot.source != one or settings_changed or block_changed

    def _folders(self) -> list[Path]:
        own = [self._home_folder] if self._home_folder.is_dir() else []
        return [*own, *(self._base / folder for folder in self._config.dirs)]

    async def _look(self) -> list[Source]:
        """Every source, found afresh."""
        self._stamps = source.stamps(self._folders())
        return await self._find(packages=self._packages)

    async def _find(self, *, packages: bool) -> list[Source]:
        """Every source, built-ins first; the second of a name is faulty, under a name of its own."""
        found = source.built_in(self._built_in) if self._built_in else []
        if packages:
            found += await asyncio.to_thread(in_packages)
        else:
            found += [slot.source for slot in self._slots.values() if slot.source.kind == "package"]
        for folder in self._folders():
            found += source.in_folder(folder)
        return source.without_doubles(found)

    async def _load(self, sources: Iterable[Source], patience_s: float | None) -> None:
        """Load each in a task of its own and wait for them for a while."""
        tasks = []
        for one in sources:
            if one.name in self._slots:
                await self._unload(self._slots[one.name])
            slot = self._slots[one.name] = Slot(one, self._holder(one))
            if one.name in self._config.block:
                slot.blocked = True
            elif one.kind == "built-in":
                await self._load_one(slot)
            else:
                tasks.append(self._group.create_task(self._load_one(slot)))
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)

    def _holder(self, one: Source) -> Holder:
        settings = self._config.settings.get(one.name, {})
        if one.kind == "built-in":
            return Local(one, settings)
        return Remote(one, settings, self._group, self._changed, hook_s=self._hook_s)

    async def _load_one(self, slot: Slot) -> None:
        """Load one plugin and say how it went; never raises."""
        started = time.monotonic()
        try:
            async with self._room:
                slot.started(await slot.holder.load(self._load_s), time.monotonic() - started)
            slot.check(self._others(slot), self._core_spellings)
            log.info("plugin=%s loaded file=%s", slot.source.name, slot.source.target)
        except PluginError as fault:
            slot.broke(fault)
            await slot.close()
            log.warning("plugin=%s is broken: %s", slot.source.name, fault.text)
        except Exception as exc:  # a fault of ours in loading one must not stop the others
            slot.broke(PluginError.raised("load", exc))
            log.exception("plugin=%s: loading failed", slot.source.name)
        self._changed()

    def _others(self, slot: Slot) -> list[Slot]:
        return [one for one in self._working() if one is not slot]

    async def _unload_all_but(self, found: Iterable[Source]) -> None:
        names = {one.name for one in found}
        for slot in [slot for name, slot in self._slots.items() if name not in names]:
            await self._unload(slot)

    async def _unload(self, slot: Slot) -> None:
        del self._slots[slot.source.name]
        await slot.close()

    def _check_strict(self) -> None:
        faults = tuple(
            f"plugin {record.name} is {record.state}: {record.error}"
            for record in self.records()
            if record.state in ("broken", "failed", "loading")
        )
        if self._config.strict and faults:
            raise BrokenPluginsError(faults)

    def _changed(self) -> None:
        """Tell the daemon; a fault there must not end the task of a plugin."""
        try:
            self._listener()
        except Exception:  # the edge of our tasks
            log.exception("telling of a change of plugins failed")

    # -- what plugins offer

    def _working(self) -> list[Slot]:
        return [slot for slot in self._slots.values() if slot.works]

    def apps(self) -> dict[str, AppEntry]:
        """What plugins register, by name."""
        return {entry.name: entry for slot in self._working() for entry in slot.apps(self._settings_of(slot))}

    def _settings_of(self, slot: Slot) -> dict[str, Any]:  # Any: as config.yaml has it
        return dict(self._config.settings.get(slot.source.name, {}))

    def verbs(self) -> list[Verb]:
        """The verbs of plugins, as rows of the table."""
        return [
            entries.verb(spec, slot.holder, self._run_verb)
            for slot in self._working()
            for spec in slot.registration.verbs
        ]

    def install(self, table: Table) -> None:
        """Bring the table's plugin verbs up to date; call it again after each change."""
        for name in self._installed:
            table.remove(name)
        self._installed = []
        for verb in self.verbs():
            table.add(verb)
            self._installed.append(verb.name)

    async def resolve(self, target: str) -> Target | None:
        """What a target text means to the first plugin that knows it; else to the first that guesses."""
        answers = await self._ask("viscript_resolve_target", target)
        found = [answer for answer in answers if isinstance(answer, Target)]
        return next((target for target in found if not target.guess), found[0] if found else None)

    async def state_store(self, url: str) -> str | None:
        """`module:callable` that opens such a store, from the first plugin that knows it."""
        for answer in await self._ask("viscript_state_store", url):
            if isinstance(answer, str):
                return answer
        return None

    async def doctor(self) -> list[DoctorCheck]:
        """The checks of all plugins, and what is wrong with plugins."""
        answers = await self._ask("viscript_doctor")
        return [check for answer in answers for check in answer] + self.faults()

    def faults(self) -> list[DoctorCheck]:
        """Each plugin that does not work, and settings for none."""
        own = [
            DoctorCheck(
                check=f"plugin {record.name}",
                status="fail",
                text=record.error,
                fix=f"viscript plugins show {record.name}",
            )
            for record in self.records()
            if record.state in ("broken", "failed")
        ]
        return own + [
            DoctorCheck(check="settings", status="warn", text=f"{fault.path}: {fault.message}", fix=_FOR_NONE)
            for fault in self._strangers()
        ]

    async def _ask(self, hook: Hook, text: str = "") -> list[Any]:  # Any: each hook answers its own type
        """The answers of all plugins that have the hook, in their order; None is no answer."""
        asked = [slot for slot in self._working() if hook in slot.registration.hooks]
        answers = await asyncio.gather(*(slot.ask(hook, text) for slot in asked))
        return [answer for answer in answers if answer is not None]

    def event(self, event: Event) -> None:
        """Hand an event to the plugins that hear events: a listener of the event log."""
        for slot in self._slots.values():
            if slot.works and "viscript_event" in slot.registration.hooks:
                slot.holder.tell(event)

    # -- what there is to tell

    def records(self) -> list[PluginRecord]:
        """Every plugin, working or not, by name."""
        return sorted((slot.record() for slot in self._slots.values()), key=lambda record: record.name)

    def record(self, name: str) -> PluginRecord:
        """One plugin. Raises `VerbError` NOT_FOUND."""
        if name not in self._slots:
            raise self._unknown(name)
        return self._slots[name].record()

    def _unknown(self, name: str) -> VerbError:
        near = look_alikes(name, self._slots, most=3)
        return VerbError(ExitCode.NOT_FOUND, f"no plugin {name!r}", suggestions=near)

    def setting_faults(self) -> list[SettingFault]:
        """What is wrong under `plugins.settings`: values, and names of no plugin."""
        return self._strangers() + [
            fault for slot in self._slots.values() for fault in slot.registration.setting_faults
        ]

    def _strangers(self) -> list[SettingFault]:
        known = {slot.source.name for slot in self._slots.values()}
        return [
            SettingFault(path=f"plugins.settings.{name}", message=f"there is no plugin {name!r}")
            for name in self._config.settings
            if name not in known
        ]
