"""Where plugins come from: the `plugins` package and plugin folders (packages: `packages`). Imports none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from stat import S_IWOTH
from typing import Final, Literal

import msgspec

import viscript

TRUSTED: Final = frozenset({0, os.geteuid()})
BUILT_IN_FOLDER: Final = Path(viscript.__file__).parent.parent / "plugins"

Kind = Literal["built-in", "file", "package", "folder"]
Stamp = tuple[int, int, int]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin that may be loaded. `target` is a file, or `module[:attribute]` for a package."""

    kind: Kind
    name: str
    target: str
    version: str = ""
    stamp: Stamp = (0, 0, 0)  # changes when the file does
    fault: str = ""  # why it must not be loaded


def built_in(folder: Path = BUILT_IN_FOLDER) -> list[Source]:
    """The plugins that come with this program."""
    return [_of_path("built-in", path) for path in _candidates(folder)]


def in_folder(folder: Path) -> list[Source]:
    """The plugins of one folder, `NAME.py` or `NAME/__init__.py`; one faulty source if it is unreadable."""
    try:
        return [_guarded(_of_path("file", path)) for path in _candidates(folder)]
    except OSError as exc:
        fault = f"plugin folder {folder}: {exc.strerror}"
        return [Source(kind="folder", name=str(folder), target=str(folder), fault=fault)]


def stamps(folders: Iterable[Path]) -> dict[str, Stamp]:
    """Path -> stamp of everything in the folders that could be a plugin: cheap, to notice a change."""
    seen: dict[str, Stamp] = {}
    for folder in folders:
        try:
            for path in _candidates(folder):
                seen[str(path)] = _stamp(path)
        except OSError:
            seen[str(folder)] = (0, 0, 0)
    return seen


def _candidates(folder: Path) -> list[Path]:
    """Files that are plugins by their name, sorted."""
    paths = (_module_file(path) for path in sorted(folder.iterdir()) if _is_plugin_name(path.name))
    return [path for path in paths if path is not None]


def _is_plugin_name(name: str) -> bool:
    """Hidden files, helpers (`_x.py`) and tests are no plugins."""
    return not name.startswith((".", "_", "test_")) and name != "conftest.py"


def _module_file(path: Path) -> Path | None:
    if path.suffix == ".py" and path.is_file():
        return path
    inner = path / "__init__.py"
    return inner if inner.is_file() else None


def _of_path(kind: Kind, path: Path) -> Source:
    name = path.parent.name if path.name == "__init__.py" else path.stem
    return Source(kind=kind, name=name, target=str(path), stamp=_stamp(path))


def _stamp(path: Path) -> Stamp:
    """Zeros for a file that went away meanwhile."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _guarded(source: Source) -> Source:
    """Refuse what another user could have written: loading it would run as us."""
    path = Path(source.target)
    for checked in (path, path.parent):
        status = checked.stat()
        if status.st_uid not in TRUSTED:
            return msgspec.structs.replace(source, fault=f"{checked} belongs to another user")
        if status.st_mode & S_IWOTH and not status.st_mode & 0o1000:
            return msgspec.structs.replace(
                source, fault=f"{checked} may be written by everybody (chmod o-w {checked})"
            )
    return source


def without_doubles(sources: Iterable[Source]) -> list[Source]:
    """The same list; the second of a name is made faulty and named after its file."""
    kept: dict[str, Source] = {}
    for source in sources:
        own = source
        if source.name in kept:
            fault = f"the name {source.name} is taken by {kept[source.name].target}"
            own = msgspec.structs.replace(source, name=f"{source.name} ({source.target})", fault=fault)
        kept[own.name] = own
    return list(kept.values())
