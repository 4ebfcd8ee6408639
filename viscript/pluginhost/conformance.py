"""Is this a good plugin? `python -P -m viscript.pluginhost.conformance FILE-OR-MODULE`; exit 1 if it is not.

Loads the plugin as a daemon does, in a process of its own, and looks at what it registered.
"""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.remote import Remote
from viscript.pluginhost.source import Source, in_folder
from viscript.pluginhost.spec import AppSpec, Registration, VerbSpec

DEADLINE_S: Final = 10.0
QUICK_S: Final = 2.0


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; no fault is a pass."""

    check: str
    fault: str = ""


async def examine(target: str) -> list[Finding]:
    """Load the plugin twice and look at it; a plugin that does not load is one finding."""
    started = time.monotonic()
    try:
        first = await _registration(target)
        seconds = time.monotonic() - started
        again = await _registration(target)
    except PluginError as fault:
        return [Finding("it loads", fault.text)]
    slow = (
        f"took {seconds:.1f} s: name heavy modules in `argv`, do not import them" if seconds > QUICK_S else ""
    )
    return [
        Finding("it loads"),
        Finding("it loads quickly", slow),
        Finding("it registers the same each time", "" if first == again else "the second time differs"),
        *look(first),
    ]


async def _registration(target: str) -> Registration:
    async with asyncio.TaskGroup() as group:
        plugin = Remote(_source(target), {}, group, lambda: None)
        try:
            loaded: Registration | PluginError = await plugin.load(DEADLINE_S)
        except PluginError as fault:  # raised again outside, where the group cannot wrap it
            loaded = fault
        await plugin.close()
    if isinstance(loaded, PluginError):
        raise loaded
    return loaded


def _source(target: str) -> Source:
    path = Path(target).resolve()
    path = path / "__init__.py" if path.is_dir() else path
    if path.suffix != ".py":
        return Source(kind="package", name=target.split(":", maxsplit=1)[0], target=target)
    folder = path.parent.parent if path.name == "__init__.py" else path.parent
    found = [one for one in in_folder(folder) if one.target == str(path)]
    missing = Source(
        kind="file", name=path.stem, target=str(path), fault=f"{path} is no plugin file by its name"
    )
    return found[0] if found else missing


def look(registration: Registration) -> list[Finding]:
    """What there is to say about a registration. Pure but for looking whether programs exist."""
    findings = [finding for spec in registration.apps for finding in _app(spec)]
    findings += [finding for spec in registration.verbs for finding in _verb(spec)]
    needed = [fault for fault in registration.setting_faults if fault.message.startswith("missing")]
    told = ", ".join(fault.path for fault in needed)
    return [*findings, Finding("it works without settings", f"no default: {told}" if told else "")]


def _app(spec: AppSpec) -> list[Finding]:
    name = f"app {spec.name}"
    bare = [argument.name for argument in spec.args if not argument.help]
    unexplained = bool(bare) and not spec.help
    return [
        Finding(f"{name}: its program exists", _program_fault(spec)),
        Finding(f"{name}: has a summary", "" if spec.summary else "none: say in a line what it does"),
        Finding(
            f"{name}: its arguments are explained", f"not told: {', '.join(bare)}" if unexplained else ""
        ),
        Finding(f"{name}: its environment holds no secret", _secret_fault(spec)),
    ]


def _program_fault(spec: AppSpec) -> str:
    program, *words = spec.argv
    if shutil.which(program) is None:
        return f"there is no {program}"
    if "-m" in words[:2] and not _module_exists(words[words.index("-m") + 1]):
        return f"there is no module {words[words.index('-m') + 1]}"
    return ""


def _module_exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def _secret_fault(spec: AppSpec) -> str:
    words = ("TOKEN", "SECRET", "PASSWORD", "KEY")
    named = [key for key in spec.env if any(word in key.upper() for word in words)]
    return f"{', '.join(named)}: let the user set it" if named else ""


def _verb(spec: VerbSpec) -> list[Finding]:
    name = f"verb {spec.name}"
    fault = "" if spec.summary else "none: say in a line what it does"
    rows = "" if spec.columns or not spec.reads else "a verb that reads names the `columns` of its rows"
    return [Finding(f"{name}: has a summary", fault), Finding(f"{name}: has columns", rows)]


def faults(target: str) -> list[str]:
    """What is wrong with a plugin, for a test: `assert faults(FILE) == []`."""
    return [f"{one.check}: {one.fault}" for one in asyncio.run(examine(target)) if one.fault]


def main(words: Sequence[str]) -> int:
    """Print a line a check; 1 when one failed."""
    if len(words) != 1:
        print("usage: python -P -m viscript.pluginhost.conformance FILE-OR-MODULE", file=sys.stderr)
        return 2
    findings = asyncio.run(examine(words[0]))
    for one in findings:
        print(f"FAIL {one.check}: {one.fault}" if one.fault else f"pass {one.check}")
    return 1 if any(one.fault for one in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
