"""One imported plugin. Runs where the plugin runs: in the daemon for built-ins, else in a worker process."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import msgspec
import pluggy

from viscript.config.suggest import look_alikes
from viscript.pluginhost import appform, hookspecs, settings
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import AppSpec, Handler, Registration, VerbSpec

HOOKS: tuple[str, ...] = tuple(name for name in vars(hookspecs) if name.startswith(hookspecs.PREFIX))


class Loaded:
    """An imported plugin, what it registered, and its hooks. Has a hook manager of its own."""

    def __init__(self, source: Source, raw_settings: Mapping[str, object]) -> None:
        """Import and register. Raises `PluginError` for whatever goes wrong in the plugin."""
        self._name = source.name
        module, plugin = _import(source)
        self._manager = _manager(source.name, plugin)
        self.hooks = tuple(name for name in HOOKS if getattr(self._manager.hook, name).get_hookimpls())
        self.handlers: dict[str, Handler] = {}
        self._apps: list[AppSpec] = []
        self._verbs: list[VerbSpec] = []
        kind = self._settings_type()
        checked, faults = settings.check(source.name, kind, raw_settings)
        if not faults:
            self._register(module, source, checked)
        self.registration = Registration(
            version=source.version or str(getattr(module, "__version__", "")),
            file=str(getattr(module, "__file__", "") or source.target),
            hooks=self.hooks,
            apps=tuple(self._apps),
            verbs=tuple(self._verbs),
            settings_schema=settings.schema(kind),
            setting_faults=faults,
        )

    def call(self, hook: str, **given: object) -> Any:  # Any: each hook answers its own type
        """Call one hook. Raises `PluginError` when it raises."""
        try:
            return getattr(self._manager.hook, hook)(**given)
        except PluginError:
            raise
        except BaseException as exc:  # `sys.exit()` in a hook must not end its host
            raise PluginError.raised(hook, exc) from exc

    def _settings_type(self) -> type[msgspec.Struct] | None:
        kind = self.call("viscript_settings")
        if kind is not None and not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            raise PluginError(f"viscript_settings must return a msgspec.Struct type, not {kind!r}")
        return kind

    def _register(self, module: ModuleType, source: Source, checked: object) -> None:
        for spec in appform.apps_of(module, _location(module, source)):
            self._register_app(spec)
        self.call("viscript_register_apps", register=self._register_app, settings=checked)
        self.call("viscript_register_verbs", register=self._register_verb, settings=checked)
        if not self._apps and not self.hooks:
            raise PluginError("it registers nothing: no `@app` function and no `@hookimpl`")

    def _register_app(self, spec: AppSpec) -> None:
        if not isinstance(spec, AppSpec):
            raise PluginError(
                f"viscript_register_apps: register() takes an AppSpec, not {type(spec).__name__}"
            )
        faults = appform.faults_of(spec)
        if faults:
            raise PluginError("; ".join(faults))
        self._apps.append(spec)

    def _register_verb(self, spec: VerbSpec, handler: Handler) -> None:
        if not isinstance(spec, VerbSpec):
            raise PluginError(
                f"viscript_register_verbs: register() takes a VerbSpec, not {type(spec).__name__}"
            )
        if not inspect.iscoroutinefunction(handler):
            raise PluginError(f"verb {spec.name}: its handler must be `async def`")
        self._verbs.append(_checked_verb(spec))
        self.handlers[spec.name] = handler


def _checked_verb(spec: VerbSpec) -> VerbSpec:
    try:
        return msgspec.json.decode(msgspec.json.encode(spec), type=VerbSpec)
    except (msgspec.ValidationError, TypeError, ValueError) as exc:
        raise PluginError(f"verb {spec.name}: {exc}") from exc


def _import(source: Source) -> tuple[ModuleType, object]:
    """The module, and the object that carries the hooks (the module itself unless an attribute is named)."""
    if source.fault:
        raise PluginError(source.fault)
    name, _, attribute = source.target.partition(":") if source.kind == "package" else (source.target, "", "")
    try:
        if source.kind == "file":
            module = import_file(Path(source.target))
        else:
            module = importlib.import_module(f"plugins.{source.name}" if source.kind == "built-in" else name)
        plugin: object = module
        for part in filter(None, attribute.split(".")):
            plugin = getattr(plugin, part)
    except BaseException as exc:  # a plugin may raise anything, `SystemExit` too
        raise PluginError.raised("import", exc) from exc
    if source.kind == "built-in" and Path(source.target).parent not in Path(module.__file__ or "").parents:
        raise PluginError(f"another package named `plugins` is in the way: {module.__file__}")
    return module, plugin


def forget(source: Source) -> None:
    """Let the next load of a built-in plugin read its files anew; the others are always read."""
    if source.kind != "built-in":
        return
    name = f"plugins.{source.name}"
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    importlib.invalidate_caches()


def import_file(path: Path) -> ModuleType:
    """Import one plugin file, or the folder its `__init__.py` stands in, under a name nobody else has."""
    folder = path.parent if path.name == "__init__.py" else None
    name = f"viscript_plugin_{(folder or path).name.removesuffix('.py')}"
    places = [str(folder)] if folder else None
    loader = _Fresh(name, str(path))
    spec = importlib.util.spec_from_file_location(
        name, path, loader=loader, submodule_search_locations=places
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _Fresh(SourceFileLoader):
    """Compiles the file as it is now.

    Python takes bytecode for good while the file's second and size are the same: a plugin that was edited
    twice within a second would go on as it was.
    """

    def get_code(self, fullname: str) -> CodeType:
        """The code of the source itself; none is kept."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def _location(module: ModuleType, source: Source) -> str:
    """How the app runner finds the plugin again."""
    return source.target if source.kind == "file" else module.__name__


def _manager(name: str, plugin: object) -> pluggy.PluginManager:
    """A hook manager that knows this plugin alone. Raises `PluginError` for hooks it gets wrong."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    _check_names(plugin)
    try:
        manager.register(plugin, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        raise PluginError(" ".join(str(exc).split())) from exc
    return manager


def _check_names(plugin: object) -> None:
    """Hooks are found by their mark; say so when the name is wrong or the mark forgotten."""
    for name, value in vars(plugin).items() if hasattr(plugin, "__dict__") else ():
        if not name.startswith(hookspecs.PREFIX) or not callable(value):
            continue
        if name not in HOOKS:
            near = look_alikes(name, HOOKS)
            raise PluginError(f"unknown hook {name}" + (f" (did you mean {near[0]}?)" if near else ""))
        if not hasattr(value, f"{hookspecs.PROJECT}_impl"):
            raise PluginError(f"{name} lacks the mark `@hookimpl`")
