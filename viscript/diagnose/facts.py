"""All that an explanation rests on, beside the snapshot of the instance itself."""

from __future__ import annotations

import msgspec

from viscript.diagnose.conflict import Conflict


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the host and the daemon know besides; `now` is seconds since the epoch."""

    now: float
    last_lines: tuple[str, ...] = ()  # of the last run, harmless and without secrets
    conflict: Conflict | None = None
    complaint: str = ""  # "address", "lock", "permission" or nothing: what the last lines complain of
    out_of_memory: bool = False
    bad_interpreter: str | None = None  # the program a script asks for and that is not there
    unreadable: str | None = None  # the path that this user may not use
    leftovers: tuple[int, ...] = ()  # processes of earlier runs
    stopped_by: str = ""  # the actor of the last stop
