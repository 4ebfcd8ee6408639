"""Plugins that installed packages offer by an entry point. Imports none of them.

`importlib.metadata` and what it needs take 2.5 MB, so only packages whose own list names our group are asked
through it; a daemon without such packages never loads it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from viscript.pluginhost.source import Source

if TYPE_CHECKING:
    from importlib.metadata import Distribution

GROUP: Final = "viscript.plugins"
_SUFFIXES: Final = frozenset({".dist-info", ".egg-info"})


def in_packages(search: Iterable[str] | None = None) -> list[Source]:
    """The plugins of packages in these folders, the import path if none is given; the first of each name."""
    return of_distributions(_distributions(Path(entry) for entry in (sys.path if search is None else search)))


def of_distributions(distributions: Iterable[Distribution]) -> list[Source]:
    """The plugins these offer. A package with unreadable metadata is one faulty source."""
    found: dict[str, Source] = {}
    for distribution in distributions:
        for source in _of(distribution):
            found.setdefault(source.name, source)
    return list(found.values())


def _distributions(search: Iterable[Path]) -> Iterator[Distribution]:
    for entry in search:
        for folder in filter(_names_group, _listed(entry)):
            from importlib.metadata import Distribution

            yield Distribution.at(folder)
        if entry.is_file():  # an archive
            from importlib.metadata import distributions

            yield from distributions(path=[str(entry)])


def _listed(entry: Path) -> list[Path]:
    """The metadata of packages in it; nothing for an entry that is no folder or not ours to read."""
    try:
        return sorted(path for path in entry.iterdir() if path.suffix in _SUFFIXES)
    except OSError:
        return []


def _names_group(folder: Path) -> bool:
    """Whether a package may offer plugins; one without a readable list offers none."""
    try:
        return GROUP.encode() in (folder / "entry_points.txt").read_bytes()
    except OSError:
        return False


def _of(distribution: Distribution) -> list[Source]:
    try:
        return [
            Source(kind="package", name=point.name, target=point.value, version=distribution.version)
            for point in distribution.entry_points
            if point.group == GROUP
        ]
    except Exception as exc:  # noqa: BLE001 (whatever one broken installation raises, the others load)
        name = str(getattr(distribution, "_path", "a package"))
        return [
            Source(
                kind="package", name=Path(name).name, target="", fault=f"unreadable metadata in {name}: {exc}"
            )
        ]
