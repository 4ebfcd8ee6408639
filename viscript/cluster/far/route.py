"""Where a command runs: its targets with a host in front, `--host`, the host a prompt uses. Pure.

A command becomes legs: for each host the words as they are to be run there, so `sd m1/7 m2/8 m2/9` is
`sd 7` on m1 and `sd 8 9` on m2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from signal_bus.ids import PublicKey
from viscript.cluster.far.selecting import Chosen, select
from viscript.cluster.links.api import HostState
from viscript.errors import ExitCode, VerbError
from viscript.verbs.parse import Parsed
from viscript.verbs.synopsis import HOST, OUTPUT
from viscript.verbs.table import Format

_SEVERAL: Final = re.compile(r"[^/]+/[^/]+,[^/]+/.*")

# Verbs of these groups are about this host, its daemon and its view of the others, unless a host is named.
STAYING: Final = frozenset({"daemon", "hosts", "prompt"})


@dataclass(frozen=True)
class Leg:
    """One host, and what to run there: words without host and form of the answer."""

    host: HostState
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """The hosts of a command; `single` when one was named."""

    legs: tuple[Leg, ...]
    single: bool


def route(
    parsed: Parsed,
    argv: Sequence[str],
    known: Callable[[], Sequence[HostState]],
    *,
    label: str,
    default: str = "",
) -> Route | None:
    """Where to run it; None for here, as it was typed. Raises `VerbError` for a host nobody knows.

    `label` is this host's name, `default` the host that is meant where none is named. The hosts are only
    looked up where one is named: there may be a thousand.
    """
    if parsed.verb.where != "daemon" or parsed.verb.here_only or parsed.help:
        return None
    targets = _targets(parsed, argv)
    named = [at for at, host in targets.items() if host]
    if empty := next(
        (argv[at] for at in targets if argv[at].startswith("/") or argv[at].endswith("/")), None
    ):
        raise VerbError(ExitCode.USAGE, f'"{empty}" is no target: it is HOST/ID or HOST/NAME')
    if many := next((argv[at] for at in named if _SEVERAL.fullmatch(argv[at])), None):
        raise VerbError(ExitCode.USAGE, f'"{many}" is no target: blanks part one target from the next')
    bare = not targets or len(named) < len(targets)
    if parsed.host and not bare:
        raise VerbError(ExitCode.USAGE, f"--host {parsed.host} means nothing: every target names its host")
    usual = "" if parsed.verb.group in STAYING else default
    general = (parsed.host or usual) if bare else ""
    strangers = [
        host for host in (general, *(targets[at] for at in named)) if host not in ("", label, "localhost")
    ]
    if not strangers:
        return None
    hosts = known()
    if not hosts:
        raise VerbError(ExitCode.NOT_FOUND, f'no host "{strangers[0]}" is known here (this one is "{label}")')
    chosen = {at: select(host, hosts) for at, host in targets.items() if host}
    everywhere = select(general, hosts) if general else None
    return _route(parsed, argv, hosts, targets, chosen, everywhere)


def in_form(leg: Leg, form: Format, *, reads: bool) -> Leg:
    """The leg with the form of its answer, where no word of an app can hide it."""
    return replace(leg, argv=("-o", form, *leg.argv)) if reads else leg


def _targets(parsed: Parsed, argv: Sequence[str]) -> dict[int, str]:
    """The words that are targets, by place, with the host each names; empty for none."""
    places = [
        at for arg in parsed.verb.args if arg.kind == "target" for at in parsed.places.get(arg.name, ())
    ]
    return {at: argv[at].partition("/")[0] if "/" in argv[at] else "" for at in places}


def _route(
    parsed: Parsed,
    argv: Sequence[str],
    hosts: Sequence[HostState],
    targets: dict[int, str],
    chosen: dict[int, Chosen],
    everywhere: Chosen | None,
) -> Route:
    here = tuple(host for host in hosts if host.local)
    general = everywhere.hosts if everywhere is not None else here
    wanted = {at: chosen[at].hosts if at in chosen else general for at in targets}
    keys = {host.key for some in wanted.values() for host in some}
    if not targets:
        keys = {host.key for host in general}
    drop = (*parsed.places.get(HOST.name, ()), *parsed.places.get(OUTPUT.name, ()))
    legs = tuple(
        Leg(
            host,
            _words(
                argv,
                host.key,
                wanted,
                drop=drop,
            ),
        )
        for host in hosts
        if host.key in keys
    )
    single = len(legs) == 1 and all(one.single for one in (*chosen.values(), *filter(None, (everywhere,))))
    return Route(legs, single)


def _words(
    argv: Sequence[str],
    key: PublicKey,
    wanted: dict[int, tuple[HostState, ...]],
    *,
    drop: tuple[int, ...],
) -> tuple[str, ...]:
    """The words for one host: its own targets without the host, and not those of others."""
    words = []
    for at, word in enumerate(argv):
        if at in drop or (at in wanted and all(host.key != key for host in wanted[at])):
            continue
        words.append(word.partition("/")[2] if at in wanted and "/" in word else word)
    return tuple(words)
