"""Reads config.yaml with everything it includes, whole or not at all."""

import glob
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec.inspect as mi

from viscript.config.check import NO_PROGRAM, check
from viscript.config.convert import BAD, Converter
from viscript.config.fault import BadConfig, Fault, Place, fault_at
from viscript.config.include import joined, patterns
from viscript.config.model import Config, Plugins
from viscript.config.overrides import DEFAULT, Origin, overlay
from viscript.config.textfile import PATIENCE_S, read_bytes
from viscript.config.tree import Entries, Node
from viscript.config.whereabouts import Whereabouts
from viscript.config.yamltext import MAX_TEXT_BYTES, parse_tree

MAX_INCLUDED: Final = 1000

# Given the `plugins` section, the names of the apps that plugins register.
Known = Callable[[Plugins], Collection[str]]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A configuration that may be used, and where each of its values came from."""

    config: Config
    file: str
    origins: Mapping[str, Origin] = field(default_factory=dict)  # of what was set outside the file
    files: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    names_apps: bool = True  # `apps` is a mapping in it, be it an empty one

    def origin_of(self, path: str) -> Origin:
        """Where the value of a dotted key came from."""
        outside = self.origins.get(path)
        if outside is not None:
            return outside
        place = self.places.get(path)
        return Origin("file", f"{place.file}:{place.line}") if place is not None else DEFAULT

    def place_of(self, path: str) -> Place:
        """Where a dotted key stands; the whole file when it is not given."""
        return self.places.get(path, Place(self.file))

    def file_of(self, app: str) -> str:
        """The file an app was given in; relative paths are looked up in its folder."""
        return self.file if self.files == (self.file,) else self.place_of(f"apps.{app}").file


class Draft:
    """A file that was read; whether it may be used depends on the apps that its plugins register."""

    def __init__(self, loaded: Loaded, faults: Iterable[Fault]) -> None:
        self._loaded = loaded
        self._faults = tuple(faults)

    @property
    def plugins(self) -> Plugins:
        """The `plugins` section."""
        return self._loaded.config.plugins

    def finished(self, known: Collection[str] | None) -> Loaded:
        """The configuration, beside apps of these names. Raises `BadConfig` with every fault."""
        loaded = self._loaded
        wrong = check(loaded.config, loaded.places, loaded.file, known)
        faults = [*self._faults, *(fault for fault in wrong if not _follows(fault, self._faults))]
        if faults:
            raise BadConfig(_in_order(faults, loaded.files))
        return loaded


def _follows(fault: Fault, faults: Iterable[Fault]) -> bool:
    """Whether an app lacks its program because the program is what was found at fault."""
    given = tuple(f"{fault.path}.{key}" for key in ("command", "path"))
    return fault.message == NO_PROGRAM and any(
        other.path.startswith(given) or _meant(other) in given for other in faults
    )


def _meant(fault: Fault) -> str:
    """The key that was most likely meant by an unknown one."""
    where, _, _ = fault.path.rpartition(".")
    word = fault.suggestion.removeprefix('did you mean "').removesuffix('"?')
    return f"{where}.{word}"


def draft(path: str | os.PathLike[str], environ: Mapping[str, str]) -> Draft:
    """A file as far as it can be read without its plugins. Raises `BadConfig` when it has no such form."""
    file = os.fspath(path)
    return _draft(read_text(file) if file else "", file, environ, {})


def load(
    path: str | os.PathLike[str],
    environ: Mapping[str, str],
    *,
    overrides: Mapping[str, str] | None = None,
    known: Known | None = None,
) -> Loaded:
    """The configuration of a file, `overrides` and `environ` over it. Raises `BadConfig` with every fault."""
    file = os.fspath(path)
    return _loaded(read_text(file), file, environ, overrides or {}, known)


def load_text(
    text: str, file: str, environ: Mapping[str, str] | None = None, known: Known | None = None
) -> Loaded:
    """The same for a text that stands, or would stand, in `file`."""
    return _loaded(text, file, environ or {}, {}, known)


def defaults(environ: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Loaded:
    """The configuration without any file."""
    return _loaded("", "", environ, overrides or {}, None)


def check_text(text: str, name: str) -> list[Fault]:
    """All faults of a text that stands in a file of that name; none when it may be used."""
    try:
        load_text(text, name)
    except BadConfig as bad:
        return list(bad.faults)
    return []


def read_text(file: str, *, patience_s: float = PATIENCE_S) -> str:
    """The text of a file, UTF-8. Raises `BadConfig` when it cannot be read."""
    try:
        data = read_bytes(file, MAX_TEXT_BYTES + 1, patience_s=patience_s)
    except (OSError, ValueError) as exc:
        reason = (getattr(exc, "strerror", None) or str(exc)).lower()
        raise BadConfig([fault_at(Place(file), "", f"cannot be read: {reason}")]) from exc
    return decoded(data, file)


def decoded(data: bytes, file: str) -> str:
    """Bytes as text. Raises `BadConfig` with the place of what is not UTF-8."""
    if len(data) > MAX_TEXT_BYTES:
        raise BadConfig([fault_at(Place(file), "", f"larger than {MAX_TEXT_BYTES // 1024**2} MiB")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        before = data[: exc.start].decode("utf-8-sig")
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise BadConfig([fault_at(place, "", f"byte 0x{data[exc.start]:02X} is not UTF-8")]) from exc


def _loaded(
    text: str, file: str, environ: Mapping[str, str], options: Mapping[str, str], known: Known | None
) -> Loaded:
    draft = _draft(text, file, environ, options)
    return draft.finished(known(draft.plugins) if known else None)


def _draft(text: str, file: str, environ: Mapping[str, str], options: Mapping[str, str]) -> Draft:
    tree, faults = parse_tree(text, file)
    tree, files, missed = _with_included(tree, file)
    tree, origins, unknown = overlay(tree, environ, options)
    converter = Converter()
    converter.faults += faults + missed + unknown
    config = converter.convert(tree, mi.type_info(Config), "")
    if config is BAD:
        raise BadConfig(_in_order(converter.faults, files))
    places = Whereabouts(converter.places)
    loaded = Loaded(
        config=config, file=file, origins=origins, files=files, places=places, names_apps=_names_apps(tree)
    )
    return Draft(loaded, converter.faults)


def _names_apps(tree: Node) -> bool:
    """Whether `apps` is given with a value; a file that was emptied, or cut, gives none."""
    entry = tree.get("apps") if isinstance(tree, Entries) else None
    return entry is not None and isinstance(entry.value, Entries)


def _in_order(faults: list[Fault], files: tuple[str, ...]) -> list[Fault]:
    """By file, line and column, each fault once: an alias may lead to the same place twice."""
    rank = {name: index for index, name in enumerate(files)}
    unique = dict.fromkeys(faults)
    return sorted(unique, key=lambda fault: (rank.get(fault.file, -1), fault.line, fault.column))


def _with_included(tree: Node, file: str) -> tuple[Node, tuple[str, ...], list[Fault]]:
    """The tree with the apps of the files it includes, all files, and what is wrong with those."""
    files = [file] if file else []
    faults: list[Fault] = []
    for pattern in patterns(tree):
        matches = [name for name in _matches(pattern.text, file) if name not in files]
        if len(files) + len(matches) > MAX_INCLUDED:
            faults.append(fault_at(pattern.place, "include", f"more than {MAX_INCLUDED} files"))
            break
        if not matches and not glob.has_magic(pattern.text):
            faults.append(fault_at(pattern.place, "include", f'there is no file "{pattern.text}"'))
        for name in matches:
            files.append(name)
            tree = _joined(tree, name, faults)
    return tree, tuple(files), faults


def _matches(pattern: str, file: str) -> list[str]:
    """The files of a pattern, which is relative to the file's folder; never the file itself."""
    folder = Path(file).parent
    found = glob.glob(pattern, root_dir=folder)  # noqa: PTH207 (a pattern may be absolute)
    paths = [folder / name for name in sorted(found)]
    return [str(path) for path in paths if path.is_file() and path.resolve() != Path(file).resolve()]


def _joined(tree: Node, name: str, faults: list[Fault]) -> Node:
    try:
        included, wrong = parse_tree(read_text(name), name)
    except BadConfig as bad:
        faults += bad.faults
        return tree
    tree, refused = joined(tree, included)
    faults += wrong + refused
    return tree
