"""The short form of an app: `@app` on an async function. Its signature is the argument schema."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, TypeVar, overload

import msgspec

from viscript.config.model import Argument, Check
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.spec import AppSpec

MARK: Final = "__viscript_app__"
RUNNER: Final = "viscript.plugin_run"

ArgumentType = Literal["text", "name", "int", "float", "port", "address", "path", "key", "json"]
Run = Callable[..., Awaitable[object]]
F = TypeVar("F", bound=Run)

TYPES: Final[dict[object, ArgumentType]] = {
    inspect.Parameter.empty: "text",
    str: "text",
    int: "int",
    float: "float",
    Path: "path",
    "str": "text",
    "int": "int",
    "float": "float",
    "Path": "path",
}


@overload
def app(function: F, /) -> F: ...


@overload
def app(
    *,
    name: str = "",
    help: str = "",
    aliases: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    daemon: bool = False,
    args: tuple[Argument, ...] = (),
) -> Callable[[F], F]: ...


def app(
    function: F | None = None, /, **given: Any
) -> F | Callable[[F], F]:  # Any: the overload above types them
    """Make an app of `async def NAME(ctx, arguments...)`; it runs as its own process when it is started."""
    if function is not None:
        setattr(function, MARK, {})
        return function

    def mark(function: F) -> F:
        setattr(function, MARK, given)
        return function

    return mark


def apps_of(module: ModuleType, location: str) -> list[AppSpec]:
    """The `@app` functions a module defines, as specs. Raises `PluginError` for one that cannot be an app."""
    return [spec_of(function, location) for function in functions_of(module)]


def functions_of(module: ModuleType) -> list[Run]:
    """The `@app` functions a module or its own parts define; imported ones are another plugin's."""
    return [
        value
        for value in vars(module).values()
        if inspect.isfunction(value)
        and hasattr(value, MARK)
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
    ]


def name_of(function: Run) -> str:
    """The name an `@app` function is started by."""
    own = str(getattr(function, "__name__", "")).replace("_", "-")
    return str(getattr(function, MARK).get("name") or own)


def spec_of(function: Run, location: str) -> AppSpec:
    """The spec of one `@app` function found at `location` (a file or a module)."""
    given = getattr(function, MARK)
    name = name_of(function)
    if not inspect.iscoroutinefunction(function):
        raise PluginError(
            f"app {name}: must be `async def`; a blocking program registers an AppSpec with its own argv"
        )
    summary = (inspect.getdoc(function) or "").split("\n", 1)[0].rstrip(".")
    return AppSpec(
        name=name,
        argv=(sys.executable, "-P", "-m", RUNNER, location, name),
        summary=summary,
        help=given.get("help", ""),
        args=given.get("args") or arguments_of(function),
        aliases=tuple(given.get("aliases", ())),
        needs=tuple(given.get("needs", ())),
        daemon=given.get("daemon", False),
        ready=Check(signal=True),
    )


def arguments_of(function: Run) -> tuple[Argument, ...]:
    """The argument schema a signature declares; the first parameter is the context."""
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        raise PluginError(f"app {name_of(function)}: its first parameter must be the context (`ctx`)")
    owner = name_of(function)
    return tuple(_argument(owner, one) for one in parameters[1:] if one.kind is not one.VAR_POSITIONAL)


def _argument(owner: str, parameter: inspect.Parameter) -> Argument:
    if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
        raise PluginError(f"app {owner}: parameter {parameter.name!r} must be positional")
    kind = TYPES.get(parameter.annotation)
    if kind is None:
        shown = getattr(parameter.annotation, "__name__", parameter.annotation)
        raise PluginError(
            f"app {owner}: parameter {parameter.name!r}: {shown} is not one of str, int, float, Path"
        )
    required = parameter.default is parameter.empty
    default = None if required or parameter.default is None else str(parameter.default)
    return Argument(name=parameter.name, type=kind, default=default, required=required)


def bind(function: Run, words: list[str]) -> list[object]:
    """The words of a command line as the values the signature asks for. Raises `ValueError`."""
    _, *parameters = inspect.signature(function).parameters.values()
    plain = [one for one in parameters if one.kind is not one.VAR_POSITIONAL]
    missing = [one.name for one in plain[len(words) :] if one.default is one.empty]
    if missing:
        raise ValueError(f"missing argument: {', '.join(missing)}")
    if len(words) > len(plain) and len(plain) == len(parameters):
        raise ValueError(f"too many arguments: at most {len(plain)} expected, {len(words)} given")
    values = [_value(one, word) for one, word in zip(plain, words, strict=False)]
    return [*values, *words[len(plain) :]]


def _value(parameter: inspect.Parameter, word: str) -> object:
    kinds: dict[str, Callable[[str], object]] = {"int": int, "float": float, "path": Path}
    kind = TYPES[parameter.annotation]
    try:
        return kinds.get(kind, str)(word)
    except ValueError:
        raise ValueError(f"argument {parameter.name}: {kind} expected, got {word!r}") from None


def faults_of(spec: AppSpec) -> list[str]:
    """What is wrong with a spec, as sentences; empty when it can be used."""
    faults = [
        f"app {name!r}: a name starts with a letter and has letters, digits, `.`, `-`, `_`"
        for name in (spec.name, *spec.aliases)
        if not _is_app_name(name)
    ]
    if not spec.argv or not all(isinstance(word, str) for word in spec.argv):
        faults.append(f"app {spec.name}: argv must be a list of words")
    optional = False
    for argument in spec.args:
        if argument.required and optional:
            faults.append(
                f"app {spec.name}: required argument {argument.name!r} stands behind an optional one"
            )
        optional = optional or not argument.required
    return faults + _form_faults(spec)


def _form_faults(spec: AppSpec) -> list[str]:
    """Wrong types in a spec; a Struct made in Python is not checked when it is made."""
    try:
        msgspec.json.decode(msgspec.json.encode(spec), type=AppSpec)
    except (msgspec.ValidationError, TypeError, ValueError) as exc:
        return [f"app {spec.name}: {exc}"]
    return []


def _is_app_name(name: str) -> bool:
    body = name.replace("-", "").replace("_", "").replace(".", "")
    return bool(name) and name[0].isalpha() and body.isalnum() and name.isascii()
