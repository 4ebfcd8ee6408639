"""One host is dialled, for as long as it belongs to the cluster and no link to it is there.

The host with the smaller key dials at once; the other one gives it a moment first, since one link is enough.
Every address is tried in turn; after a round without success there is a pause, 0.1 s doubling to 5 s,
jittered.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import zmq

from signal_bus.errors import Unreachable
from signal_bus.limits import RECONNECT_MAX_S, RECONNECT_MIN_S
from signal_bus.peers.dialer import hold
from signal_bus.peers.link import Link, Port
from signal_bus.reactor import Socket
from signal_bus.wire import Keys

log = logging.getLogger(__name__)

YIELD_S: Final = 1.5  # that the host with the smaller key has, to dial before the other does
_NOT_LET_IN: Final = "this host was not let in there, or another one answers"
_TROUBLES: Final = {
    "silent": "it takes connections and says nothing, as if it were frozen",
    "wrong-home": "another cluster, or another host, answers there",
    "alone": "it belongs to no cluster any more",
}


def pauses() -> Callable[[], float]:
    """The next pause, each time it is asked: doubling, and never quite the same as that of others."""
    pause = RECONNECT_MIN_S / 2

    def following() -> float:
        nonlocal pause
        pause = min(RECONNECT_MAX_S, 2 * pause)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)

    return following


class Dialling:
    """`lonely` is set by the owner while there is no link to the host."""

    def __init__(
        self,
        *,
        context: zmq.Context[Socket],
        ways: Callable[[], Sequence[str]],
        keys: Callable[[], Keys | None],
        arrived: Callable[[Port, str], Link],
        yields: bool,
    ) -> None:
        self.lonely = asyncio.Event()
        self.lonely.set()
        self.trouble = ""  # why the last round had no success
        self._context = context
        self._ways = ways
        self._keys = keys
        self._arrived = arrived
        self._yields = yields

    async def run(self) -> None:
        """Until cancelled."""
        pause = pauses()
        while True:
            await self.lonely.wait()
            if self._yields:
                await asyncio.sleep(YIELD_S)
            if self.lonely.is_set() and await self._guarded():
                pause = pauses()
            await asyncio.sleep(pause())

    async def _guarded(self) -> bool:
        try:
            return await self._round()
        except Exception as exc:  # a fault with one host must not end the links to the others
            log.exception("dialling a host failed")
            self.trouble = f"{type(exc).__name__}: {exc}"
            return False

    async def _round(self) -> bool:
        """Every way once, until one led to the host; returns when that link is over."""
        keys = self._keys()
        if keys is None:
            return False
        for way in self._ways():
            try:
                link = await hold(self._context, way, keys, partial(self._arrived_by, way))
            except Unreachable as exc:
                self.trouble = str(exc)
                continue
            if link.hello is not None:
                self.trouble = ""
                return True
            self.trouble = f"{way}: {_TROUBLES.get(link.ended, _NOT_LET_IN)}"
            if not self.lonely.is_set():
                break
        return False

    def _arrived_by(self, way: str, port: Port) -> Link:
        return self._arrived(port, way)
