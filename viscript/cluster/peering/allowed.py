"""Which commands another cluster may use, and how much of them. Pure; what is not named here is refused.

A command is looked at twice: here, before it runs, and by the view it runs in (view.py), which holds the
shared apps and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from viscript.cluster.peering.terms import Share
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import Instance
from viscript.verbs.parse import Parsed, parse
from viscript.verbs.roles import permits
from viscript.verbs.table import Option, Role, Table
from viscript.verbs.targets import resolve

TARGETS_MAX: Final = 64


@dataclass(frozen=True)
class Allowed:
    """A verb: the role it takes, and those of its options that may be given."""

    role: Role
    options: frozenset[str] = frozenset()


def _options(*names: str) -> frozenset[str]:
    return frozenset(names)


ALLOWED: Final[dict[str, Allowed]] = {
    "list_apps": Allowed(Role.VIEW, _options("full", "all")),
    "ping": Allowed(Role.VIEW, _options("count")),  # ten a second: without a pause it is a load
    "res_usage": Allowed(Role.VIEW, _options("tree", "sort")),
    "logs": Allowed(Role.VIEW, _options("lines", "since", "err")),
    "why": Allowed(Role.VIEW),
    "restart": Allowed(Role.OPERATE, _options("grace")),
    "shutdown": Allowed(Role.OPERATE, _options("grace", "now")),
}
_FORM: Final = "output"
_NEVER: Final = frozenset({"=", "/", "@"})  # no condition, no other host, no group whose name would tell


def check(table: Table, argv: Sequence[str], share: Share) -> Parsed:
    """The command, if another cluster may use it so. Raises `VerbError` NOT_PERMITTED, or USAGE."""
    verb = _named(table, argv)
    allowed = ALLOWED.get(verb)
    if allowed is None:
        raise refused(f'"{_first(argv)}" is not for another cluster')
    if not permits(share.role, allowed.role):
        raise refused(f"{verb} needs the role {allowed.role}; what is shared with you has {share.role}")
    parsed = parse(table, argv)
    given = {option.name for option in parsed.verb.options if _is_given(option, parsed)}
    if more := sorted(given - allowed.options):
        raise refused(f"{verb} with --{more[0]} is not for another cluster")
    if parsed.host or parsed.help or _FORM in parsed.places:
        raise refused("host, help and form of the answer are not part of a command from elsewhere")
    return parsed


def check_targets(parsed: Parsed, shared: Sequence[Instance], *, label: str) -> None:
    """Whether every target means something shared. Raises `VerbError` NOT_PERMITTED."""
    for text in targets_of(parsed):
        if len(text) > TARGETS_MAX or _NEVER.intersection(text):
            raise unknown(text)
        try:
            resolve(text, shared, label=label, ended=True)
        except VerbError as exc:
            if exc.code is ExitCode.NOT_FOUND:
                raise unknown(text) from None  # whether there is one is not told
            raise


def targets_of(parsed: Parsed) -> tuple[str, ...]:
    """The targets it names."""
    found: list[str] = []
    for arg in parsed.verb.args:
        if arg.kind == "target":
            value = parsed.args.get(arg.name) or ()
            found += [value] if isinstance(value, str) else value
    return tuple(found)


def refused(text: str) -> VerbError:
    """Not for another cluster."""
    return VerbError(ExitCode.NOT_PERMITTED, text)


def unknown(text: str) -> VerbError:
    """The same answer for what is not shared and for what is not there."""
    return refused(f'"{text[:TARGETS_MAX]}" is not shared with you here')


def _is_given(option: Option, parsed: Parsed) -> bool:
    """Whether an option was said; of a flag only its value tells that."""
    return option.name in parsed.places or (option.flag and bool(parsed.args.get(option.name)))


def _named(table: Table, argv: Sequence[str]) -> str:
    """The verb's own name; empty for one of two words, or unknown. Options stand behind it."""
    verb = table.get(argv[0]) if argv else None
    if verb is None or (len(argv) > 1 and table.get(f"{argv[0]} {argv[1]}") is not None):
        return ""
    return verb.name


def _first(argv: Sequence[str]) -> str:
    return argv[0][:TARGETS_MAX] if argv else ""
