"""Whom a waiting app waits for at the end of the line: one that fails, or has not come up yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from viscript.states import UP, State
from viscript.supervisor.api import Instance

_FAILED: Final = frozenset({State.BACKOFF, State.FATAL})


def culprit(instance: Instance, instances: Iterable[Instance]) -> Instance | None:
    """The one to look at; None when this one waits for nobody that is known."""
    if instance.state is not State.WAITING:
        return None
    found = list(_ends(instance, list(instances), {instance.seq}))
    return next((one for one in found if fails(one)), found[0] if found else None)


def fails(instance: Instance) -> bool:
    """Whether it does not come up, or did not the last time."""
    starts_again = instance.state is State.STARTING and instance.restarts > 0
    return instance.state in _FAILED or starts_again


def _ends(instance: Instance, instances: list[Instance], seen: set[int]) -> Iterator[Instance]:
    """Those that it waits for and that wait for nobody themselves."""
    awaited = {*instance.spec.needs, *(after.app for after in instance.spec.after)}
    for one in instances:
        if one.app not in awaited or one.seq in seen or one.state in UP or one.state is State.DONE:
            continue
        seen.add(one.seq)
        if one.state is State.WAITING:
            yield from _ends(one, instances, seen)
        else:
            yield one
