"""Which role a command needs, and whether its caller has it. Pure.

Whoever may open the door of a home is its user, and admin. Who comes from another host has the role that the
cluster's roster gives his key. What the role of a verb means stands in docs/guide/cluster.md.
"""

from collections.abc import Mapping
from typing import Any, Final

from viscript.config.model import role_of
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import AppEntry
from viscript.verbs.table import Role, Verb

_RANK: Final = {Role.VIEW: 0, Role.OPERATE: 1, Role.ADMIN: 2}
LOCAL_ACTORS: Final = frozenset({"local", "bus"})  # callers of this home's own user
_SHOWN_OF_A_KEY: Final = 16


def permits(held: Role, needed: Role) -> bool:
    """Whether who has one role may do what needs the other."""
    return _RANK[held] >= _RANK[needed]


def needed_role(verb: Verb, args: Mapping[str, Any]) -> Role:  # Any: as of `Call.args`
    """The role one use of a verb needs."""
    return verb.role if verb.role_of is None else verb.role_of(args)


def is_far(actor: str) -> bool:
    """Whether a caller speaks from another host, by its key."""
    return actor not in LOCAL_ACTORS


def check_role(verb: Verb, args: Mapping[str, Any], *, role: Role, actor: str) -> None:
    """Let pass who may. Raises `VerbError` NOT_PERMITTED, or USAGE for what only a client does."""
    needed = needed_role(verb, args)
    if not permits(role, needed):
        raise VerbError(
            ExitCode.NOT_PERMITTED,
            f"{verb.name} needs the role {needed} here; {_named(actor)} has {role}; "
            f"an admin of the cluster can give it: after `host leave`, by `host invite --role {needed}`",
        )
    if is_far(actor) and verb.where == "client" and verb.role is Role.VIEW:
        raise VerbError(
            ExitCode.USAGE, f"{verb.name} is done by the client, on its own host; not for another"
        )


def check_app(entry: AppEntry, *, role: Role, actor: str) -> None:
    """Let pass who may start an app: one that gives more than itself, such as a shell, takes an admin.

    Raises `VerbError` NOT_PERMITTED.
    """
    needed = Role(role_of(entry.spec))
    if not permits(role, needed):
        raise VerbError(
            ExitCode.NOT_PERMITTED,
            f"to start {entry.name} needs the role {needed} here; {_named(actor)} has {role}; "
            f"an admin of the cluster can give it: after `host leave`, by `host invite --role {needed}`",
        )


def _named(actor: str) -> str:
    return f"the key {actor[:_SHOWN_OF_A_KEY]}" if is_far(actor) else "this caller"
