"""How long a command may take on another host. Pure.

A host that is lost is noticed by its link within 15 s, so a long deadline is only for a host that lives.
"""

from typing import Final

from viscript.verbs.parse import Parsed
from viscript.verbs.roles import needed_role
from viscript.verbs.table import Role

LOOKING_S: Final = 5.0
CHANGING_S: Final = 120.0
MARGIN_S: Final = 0.2  # for the way there and back


def deadline_of(parsed: Parsed) -> float | None:
    """Seconds, None for what goes on until somebody ends it."""
    args = parsed.args
    if args.get("follow") or parsed.verb.name == "attach":
        return None
    own = args.get("timeout")
    if isinstance(own, int | float):
        return float(own)
    looks = needed_role(parsed.verb, args) is Role.VIEW
    count, interval = args.get("count"), args.get("interval")
    pause = count * interval if isinstance(count, int) and isinstance(interval, int | float) else 0.0
    return (LOOKING_S if looks else CHANGING_S) + pause
