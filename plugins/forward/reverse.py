"""A port at a peer that leads here: asked for, held, and asked for again for ever when it was lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from typing import Any, Final

from components.visor.app import AppError
from components.visor.kit.ledger import Ledger
from plugins.forward.calling import Caller, NoWay
from plugins.forward.lending import GOODBYE
from plugins.forward.request import TOKEN_BYTES, Lend
from plugins.forward.rules import Rule

log = logging.getLogger(__name__)

FIRST_S: Final = 0.5
LONGEST_S: Final = 15.0
PATIENCE_S: Final = 1.0


class Reverse:
    """Holds one rule of `rev`. `trouble` says why there is no port now."""

    def __init__(self, rule: Rule, caller: Caller) -> None:
        self.rule = rule
        self.token = secrets.token_hex(TOKEN_BYTES)
        self.ledger = Ledger()
        self.address = ""
        self.trouble = "not asked yet"
        self._caller = caller

    def figures(self) -> dict[str, Any]:  # Any: plain data of several types
        """Who came by it, how much, and why it is not there now."""
        return {**self.ledger.figures(time.monotonic()), "trouble": self.trouble}

    async def run(self) -> None:
        """For ever; cancelled, it gives the port back."""
        pause = FIRST_S
        while True:
            try:
                await self._hold()
                pause = FIRST_S
            except NoWay as exc:
                self._lost(str(exc))
                pause = min(2 * pause, LONGEST_S)
            await asyncio.sleep(pause)

    async def _hold(self) -> None:
        """As long as the peer holds it. Raises `NoWay`."""
        asked = Lend(listen=self.rule.listen, token=self.token, udp=self.rule.udp)
        stream, answer = await self._caller.ask(self.rule.peer, asked, patience_s=PATIENCE_S)
        self.address, self.trouble = answer.text, ""
        log.info("peer=%s listens at %s for us", self.rule.peer[:8], self.address)
        async with stream:
            try:
                while await stream.read(1024):
                    pass
                self._lost("the peer gave it up")
            except AppError as exc:
                self._lost(str(exc))
            except asyncio.CancelledError:
                with contextlib.suppress(AppError):
                    stream.write(GOODBYE)
                raise

    def _lost(self, why: str) -> None:
        if why != self.trouble:
            log.info("peer=%s: no port: %s", self.rule.peer[:8], why)
        self.address, self.trouble = "", why
