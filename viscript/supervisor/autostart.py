"""What is started with the daemon: the configured instances that do not live yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from viscript.config.model import starts_with_daemon
from viscript.supervisor.api import AppEntry
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase

ENDED = frozenset({Phase.STOPPED, Phase.DONE, Phase.FATAL})


@dataclass(frozen=True, kw_only=True)
class Autostart:
    """Ids to start again, and apps of which so many new instances are missing, what others need first."""

    again: tuple[int, ...]
    new: tuple[tuple[str, int], ...]


def autostart(apps: Mapping[str, AppEntry], managed: Iterable[Managed]) -> Autostart:
    """An instance keeps its id over a reboot; a disabled one stays as it is and counts as present."""
    again: list[int] = []
    new: list[tuple[str, int]] = []
    held = _configured(managed)
    for name in _needs_first(apps):
        entry = apps[name]
        if not starts_with_daemon(entry.spec):
            continue
        mine = held.get(name, [])[: entry.spec.instances]
        again += [m.seq for m in mine if m.enabled and m.phase in ENDED and m.phase is not Phase.DONE]
        if len(mine) < entry.spec.instances:
            new.append((name, entry.spec.instances - len(mine)))
    return Autostart(again=tuple(again), new=tuple(new))


def _needs_first(apps: Mapping[str, AppEntry]) -> list[str]:
    """All names, each behind what it needs, or who needs it starts one more. A ring is cut anywhere."""
    ordered: list[str] = []
    seen: set[str] = set()
    for name in apps:
        above = [] if name in seen else [name]
        while above:
            seen.add(above[-1])
            needs = apps[above[-1]].spec.needs
            ahead = next((need for need in needs if need in apps and need not in seen), None)
            if ahead is None:
                ordered.append(above.pop())
            else:
                above.append(ahead)
    return ordered


def _configured(managed: Iterable[Managed]) -> dict[str, list[Managed]]:
    """The configured instances of each app, by id."""
    found: dict[str, list[Managed]] = {}
    for one in sorted(managed, key=lambda m: m.seq):
        if one.configured:
            found.setdefault(one.app, []).append(one)
    return found
