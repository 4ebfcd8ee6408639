"""What a keeper leaves for the one it becomes by execv: descriptors, events, and a few numbers.

The file is read once and removed. Children, subreaper, lock and pid stay of themselves.
"""

import json
import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from viscript.keeper.protocol import Json

NAME: Final = "handover.json"


class Handover(NamedTuple):
    """All that is not in the journal."""

    lock: int
    nofile: int
    next_cursor: int
    events: list[Json]
    masters: dict[int, int]  # terminal's master by app
    guard_argv: list[str] | None
    guard_pid: int | None
    sockets: Sequence[tuple[int, str, str, int]] = ()  # app, address, kind, descriptor


def leave(folder: str, handover: Handover) -> None:
    """Write it down and let the descriptors live through the execv."""
    fields = handover._asdict()
    fields["masters"] = {str(seq): fd for seq, fd in handover.masters.items()}
    draft = f"{folder}/{NAME}.new"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({**fields, "pid": os.getpid()}, file)
    os.rename(draft, f"{folder}/{NAME}")
    _set_inheritable(handover, True)


def take_back(folder: str, handover: Handover) -> None:
    """The execv failed."""
    _set_inheritable(handover, False)
    os.unlink(f"{folder}/{NAME}")


def find(folder: str) -> Handover | None:
    """What this very process left for itself; None after any other kind of start."""
    try:
        with open(f"{folder}/{NAME}", encoding="utf-8") as file:
            fields: dict[str, Any] = json.load(file)  # our own file
        os.unlink(f"{folder}/{NAME}")
    except (OSError, ValueError):
        return None
    if fields.pop("pid", None) != os.getpid():
        return None
    fields["masters"] = {int(seq): fd for seq, fd in fields["masters"].items()}
    fields["sockets"] = tuple(tuple(row) for row in fields.get("sockets", ()))
    known = {name: value for name, value in fields.items() if name in Handover._fields}
    handover = Handover(**known)  # a newer version may have left more
    _set_inheritable(handover, False)
    return handover


def _set_inheritable(handover: Handover, inheritable: bool) -> None:
    sockets = [fd for _, _, _, fd in handover.sockets]
    for fd in (handover.lock, *handover.masters.values(), *sockets):
        os.set_inheritable(fd, inheritable)
