"""Ports here that were lent to peers: open as long as the peer's stream lasts, and a while after it broke.

A peer that comes back within that while finds its port as it was: the connections it served go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from components.visor.app import Stream
from components.visor.kit.gate import PortError
from plugins.forward.calling import Caller
from plugins.forward.leading import Lead, Opened
from plugins.forward.request import Back, Lend
from plugins.forward.rules import Rule

log = logging.getLogger(__name__)

GRACE_S: Final = 30.0
_PIECE: Final = 4096
_SUMMED: Final = ("open", "served", "refused", "sent_bytes", "received_bytes")
GOODBYE: Final = b"bye\n"  # the port is not wanted any more, so nobody has to wait for its peer


class Name(NamedTuple):
    """What tells one lent port from another."""

    peer: str
    listen: str
    udp: bool


class Loan:
    """One port, open."""

    def __init__(self, name: Name, lead: Lead, opened: Opened) -> None:
        self.name = name
        self.lead = lead
        self.opened = opened
        self.holder: Stream | None = None
        self.ending: asyncio.TimerHandle | None = None


class Lending:
    """All ports that are lent by now; their tasks are in `group`."""

    Error = PortError

    def __init__(self, caller: Caller, group: asyncio.TaskGroup, *, grace_s: float = GRACE_S) -> None:
        self._caller = caller
        self._group = group
        self._grace_s = grace_s
        self._loans: dict[Name, Loan] = {}

    async def hold(self, stream: Stream, asked: Lend, done: Callable[[str], None]) -> None:
        """Have the port open until the stream ends, and a while longer. Raises `PortError`.

        `done` is told where it listens.
        """
        if asked.probe:
            done(asked.listen)
            return
        loan = self._loan(Name(stream.peer.hex(), asked.listen, asked.udp), asked.token)
        loan.holder = stream
        if loan.ending is not None:
            loan.ending.cancel()
        last = b""
        try:
            done(loan.opened.address)
            while said := await stream.read(_PIECE):
                last = (last + said)[-len(GOODBYE) :]
        finally:
            if loan.holder is stream:
                self._left(loan, 0.0 if last == GOODBYE else self._grace_s)

    def _loan(self, name: Name, token: str) -> Loan:
        """The port; it may be open already, since the peer was away for a moment. Raises `PortError`."""
        loan = self._loans.get(name)
        if loan is not None:
            loan.lead.redirect(Back(token=token, udp=name.udp))
            return loan
        lead = Lead(self._caller, name.peer, Back(token=token, udp=name.udp), f"back from {name.listen}")
        loan = Loan(name, lead, Opened(name.listen, lead, self._group, udp=name.udp))
        self._loans[name] = loan
        log.info("lent %s to peer=%s", loan.opened.address, name.peer[:8])
        return loan

    def _left(self, loan: Loan, grace_s: float) -> None:
        loan.holder = None
        loan.ending = asyncio.get_running_loop().call_later(grace_s, self._end, loan)

    def _end(self, loan: Loan) -> None:
        if self._loans.get(loan.name) is loan:
            del self._loans[loan.name]
        loan.opened.task.cancel()
        log.info("took %s back from peer=%s", loan.name.listen, loan.name.peer[:8])

    def recheck(self, may: Callable[[Name], bool]) -> None:
        """The rules have changed: ports that are lent no more are closed."""
        for loan in [loan for name, loan in self._loans.items() if not may(name)]:
            if loan.ending is not None:
                loan.ending.cancel()
            if loan.holder is not None:
                loan.holder.close()
                loan.holder = None
            self._end(loan)

    def figures(self, rule: Rule) -> dict[str, Any]:  # Any: plain data of several types
        """What went by the ports that a rule lends."""
        mine = [
            loan.lead.figures()
            for loan in self._loans.values()
            if (loan.name.listen, loan.name.udp) == (rule.listen, rule.udp) and rule.lets(loan.name.peer)
        ]
        summed = {key: sum(each[key] for each in mine) for key in _SUMMED}
        return {**summed, "connections": [one for each in mine for one in each["connections"]]}

    def rows(self) -> list[dict[str, Any]]:  # Any: plain data of several types
        """Each of them, with its figures."""
        return [
            {"peer": loan.name.peer, "listen": loan.opened.address, "udp": loan.name.udp}
            | loan.lead.figures()
            | {"held": loan.holder is not None}
            for loan in self._loans.values()
        ]
