"""Who needs whom: what is missing before a start, and the order of a stop. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from viscript.config.model import After, App
from viscript.supervisor.lifecycle import Phase

_UP: Final = frozenset({Phase.RUNNING, Phase.READY})
_NEVER: Final = frozenset({Phase.FATAL})


@dataclass(frozen=True, kw_only=True)
class Provider:
    """What an app that something waits for is doing, in its best instance."""

    phase: Phase
    has_check: bool
    healthy: bool


@dataclass(frozen=True, kw_only=True)
class Missing:
    """One unmet condition; `hopeless` when it cannot come by itself."""

    app: str
    condition: str
    text: str
    hopeless: bool


Verdict = Literal["met", "waiting", "hopeless"]


def wants(spec: App) -> tuple[After, ...]:
    """All conditions of a start: every need is an `after ... ready` too."""
    ordered = {after.app for after in spec.after}
    needed = tuple(After(app=app) for app in spec.needs if app not in ordered)
    return (*needed, *spec.after)


def judge(provider: Provider | None, condition: str) -> Verdict:
    """Whether the condition holds for the best instance of the provider."""
    if provider is None:
        return "waiting"
    if provider.phase in _NEVER:
        return "hopeless"
    if condition == "completed":
        return "met" if provider.phase is Phase.DONE else "waiting"
    if condition == "started":
        return "met" if provider.phase in _UP or provider.phase is Phase.DONE else "waiting"
    if condition == "healthy":
        return "met" if provider.phase in _UP and provider.healthy else "waiting"
    ready = provider.phase is Phase.READY or (provider.phase in _UP and not provider.has_check)
    return "met" if ready or provider.phase is Phase.DONE else "waiting"


def missing(spec: App, find: Callable[[str], Provider | None]) -> list[Missing]:
    """What a start of `spec` still waits for.

    An app that is only ordered `after` another and would never be started by anybody is not
    waited for: `after` starts nothing, so an absent provider counts only when it is needed.
    """
    found = []
    for after in wants(spec):
        provider = find(after.app)
        if provider is None and after.app not in spec.needs:
            continue
        verdict = judge(provider, after.condition)
        if verdict != "met":
            word = "stopped" if provider is None else provider.phase.value
            text = f"{after.app} to be {after.condition} (it is {word})"
            found.append(
                Missing(app=after.app, condition=after.condition, text=text, hopeless=verdict == "hopeless")
            )
    return found


def stop_layers(seqs: Sequence[int], app_of: Callable[[int], tuple[str, App]]) -> list[list[int]]:
    """The ids in layers, dependents first; a cycle (refused by the configuration) ends in one layer."""
    left = {seq: app_of(seq) for seq in seqs}
    layers: list[list[int]] = []
    while left:
        depended = _depended_on(left.values())
        layer = [seq for seq, (name, _) in left.items() if name not in depended] or list(left)
        layers.append(layer)
        for seq in layer:
            del left[seq]
    return layers


def _depended_on(apps: Iterable[tuple[str, App]]) -> set[str]:
    return {after.app for name, spec in apps for after in wants(spec) if after.app != name}
