"""TARGET -> instances: id, name, name#n, glob, @group, host/target, all. Pure.

A bare name means the one live instance of that name; with several live ones the ids are listed
and nothing is done. With none live it means the newest that ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from viscript.errors import ExitCode, VerbError
from viscript.states import ENDED
from viscript.supervisor.api import Instance
from viscript.verbs.naming import shown_id
from viscript.verbs.suggest import nearest

LONGEST_GLOB: Final = 256
MOST: Final = 1000  # targets of one command


@dataclass(frozen=True)
class Selection:
    """The instances meant; `single` when the target was one id or one unique name."""

    instances: tuple[Instance, ...]
    single: bool


def resolve(text: str, instances: Sequence[Instance], *, label: str, ended: bool = False) -> Selection:
    """What `text` means. Globs, groups and `all` take live instances only, unless `ended`.

    Raises `VerbError` NOT_FOUND, or USAGE for a name that several live instances carry.
    """
    target = _local(text, label)
    pool = instances if ended else [item for item in instances if item.state not in ENDED]
    if target in ("all", "@all"):
        return Selection(tuple(pool), single=False)
    if target.startswith("@"):
        return _many([item for item in pool if _in_group(item, target[1:])], text, "in group", instances)
    if target.isascii() and target.isdigit():
        return Selection((_by_id(target, instances),), single=True)
    if any(char in target for char in "*?["):
        return _many([item for item in pool if is_like(item.name, target)], text, "like", instances)
    return Selection((_by_name(target, instances),), single=True)


def resolve_many(
    texts: Iterable[str], instances: Sequence[Instance], *, label: str, ended: bool = False
) -> Selection:
    """All that the targets mean, each instance once, in the order given. Raises as `resolve` does."""
    found: dict[int, Instance] = {}
    wanted = tuple(texts)
    apart = dict.fromkeys(wanted)
    if len(apart) > MOST:
        raise VerbError(
            ExitCode.USAGE, f"{len(apart)} targets are more than {MOST}; `all`, a group or a glob means many"
        )
    selections = [resolve(text, instances, label=label, ended=ended) for text in apart]
    for selection in selections:
        for item in selection.instances:
            found.setdefault(item.seq, item)
    return Selection(tuple(found.values()), single=len(wanted) == 1 and selections[0].single)


def is_like(name: str, glob: str) -> bool:
    """Whether a name fits a glob; none fits one that would take long to try."""
    return len(glob) <= LONGEST_GLOB and fnmatchcase(name, glob)


def base_name(name: str) -> str:
    """The name without its `#n`."""
    stem, mark, number = name.rpartition("#")
    return stem if mark and number.isdigit() else name


def _local(text: str, label: str) -> str:
    host, slash, rest = text.partition("/")
    if not slash:
        return text
    if host in (label, "localhost"):
        return rest
    raise VerbError(
        ExitCode.NOT_FOUND, f'no host "{host}" is known here (this one is "{label}")', suggestions=(rest,)
    )


def _in_group(item: Instance, group: str) -> bool:
    return item.spec.group == group or group in item.spec.tags


def _many(found: list[Instance], text: str, how: str, instances: Sequence[Instance]) -> Selection:
    if found:
        return Selection(tuple(found), single=False)
    groups = (f"@{item.spec.group}" for item in instances if item.spec.group)
    raise VerbError(
        ExitCode.NOT_FOUND, f'nothing {how} "{text}" runs here', suggestions=nearest(text, groups)
    )


def _by_id(target: str, instances: Sequence[Instance]) -> Instance:
    for item in instances:
        if str(item.seq) == target.lstrip("0"):
            return item
    ids = [str(item.seq) for item in instances if item.state not in ENDED]
    raise VerbError(
        ExitCode.NOT_FOUND,
        f"no app with id {target[:20]}",
        detail="`la -a` lists all ids",
        suggestions=nearest(target, ids),
    )


def _by_name(target: str, instances: Sequence[Instance]) -> Instance:
    wanted = target[:-2] if target.endswith("#1") else target
    exact = [item for item in instances if item.name == wanted]
    same_base = [item for item in instances if base_name(item.name) == target]
    same_app = [item for item in instances if item.app == target]
    named_so = [item for item in exact if item.state not in ENDED]
    for found in (named_so, exact if target != wanted else same_base or exact, same_app):
        if found:
            return _the_one(target, found)
    names = {item.name for item in instances} | {item.app for item in instances}
    group = (f"@{target}",) if any(_in_group(item, target) for item in instances) else ()
    raise VerbError(
        ExitCode.NOT_FOUND,
        f'no app named "{target}" runs here',
        detail="`la -a` lists what runs or ran; `apps` what can be started",
        suggestions=group or nearest(target, names),
    )


def _the_one(target: str, found: list[Instance]) -> Instance:
    live = [item for item in found if item.state not in ENDED]
    if len(live) > 1:
        ids = ", ".join(f"{shown_id(item.seq)} ({item.name})" for item in live[:10])
        more = f" and {len(live) - 10} more" if len(live) > 10 else ""
        raise VerbError(
            ExitCode.USAGE,
            f'"{target}" is ambiguous: {ids}{more}; give an id',
            suggestions=tuple(shown_id(item.seq) for item in live[:3]),
        )
    return live[0] if live else max(found, key=lambda item: item.seq)
