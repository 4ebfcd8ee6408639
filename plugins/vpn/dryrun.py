"""What `vpn up` would do, without doing it."""

from __future__ import annotations

from collections.abc import Sequence

from plugins.vpn import needs, options, plan
from plugins.vpn.changes import Sysctl, doing, inverse
from plugins.vpn.needs import Lacking
from plugins.vpn.plan import Here
from plugins.vpn.wire import Lease
from viscript.plugin import Answer, ExitCode, VerbError

MARK = 0x76697363  # what visors have
_DNS_PORT = 5353  # any will be
_LEASE = Lease("192.0.2.2", "192.0.2.1", "2001:db8::2", "2001:db8::1")  # the exit gives others


def answer(words: Sequence[str]) -> Answer:
    """The rows, and commands in order for people. Raises `VerbError` where the client could not run."""
    found = rows(words)
    text = "# to be done once the exit has given addresses\n" + "".join(f"{row['change']}\n" for row in found)
    text += "# to be undone\n" + "".join(f"{row['undo']}\n" for row in reversed(found))
    return Answer(data=found, text=text)


def rows(words: Sequence[str]) -> list[dict[str, str]]:
    """A row for each change, with its inverse. Raises `VerbError` where the client could not run."""
    try:
        needs.check()
    except Lacking as exc:
        raise VerbError(ExitCode.FAILED, str(exc)) from exc
    given = options.client(words)
    here = Here(MARK, needs.has_ipv6(), _DNS_PORT if given.names else None)
    changes = [*plan.guard(given.wish, MARK), *plan.tunnel(given.wish, _LEASE, here)]
    found = []
    for change in changes:
        before = {change.name: "what it is now"} if isinstance(change, Sysctl) else {}
        undo = "; ".join(str(step) for step in inverse(change, before))
        found.append({"change": str(doing(change)), "undo": undo})
    return found
