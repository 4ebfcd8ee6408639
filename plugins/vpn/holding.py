"""What a client holds on its host: the table of `life`, its timer, and the tunnel that its actions change."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from plugins.vpn.host import HostError
from plugins.vpn.journal import JournalError
from plugins.vpn.life import ROLLBACK_S, Action, Event, State, after, first_state
from plugins.vpn.needs import Lacking
from plugins.vpn.tun import TunError
from plugins.vpn.tunnel import Tunnel
from plugins.vpn.wire import Lease

log = logging.getLogger(__name__)

FAULTS: Final = (Lacking, HostError, JournalError, TunError, OSError)
_KEPT: Final = (State.KEPT, State.KEPT_LOST, State.HELD)


class Holding:
    """Of one client; `guarded` by a kill switch. `moved` is set when the state changed."""

    def __init__(self, *, guarded: bool) -> None:
        self.state = State.FIRST
        self.lease: Lease | None = None
        self.moved = asyncio.Event()
        self._guarded = guarded
        self._tunnel: Tunnel | None = None
        self._since = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._fault: asyncio.Future[None] | None = None

    @property
    def seconds(self) -> float:
        """Since the state changed."""
        return time.monotonic() - self._since

    @property
    def engaged(self) -> Lease | None:
        """The lease that this host's packets go by now."""
        return None if self._tunnel is None else self._tunnel.lease

    def hold(self, tunnel: Tunnel) -> None:
        """This is the tunnel, before anything of it is on the host."""
        self._tunnel = tunnel
        self._fault = asyncio.get_running_loop().create_future()

    def begin(self, *, confirmed: bool) -> None:
        """It has started; a kill switch that nobody confirmed is on trial from now on."""
        self.state = first_state(guarded=self._guarded, confirmed=confirmed)
        if self._guarded and not confirmed:
            self._arm(0.0)

    def leave(self) -> None:
        """A confirmed kill switch stays: only `vpn down` or the next start undoes it."""
        self._disarm()
        if self._guarded and self.state in _KEPT:
            log.warning("the kill switch stays; `vpn down` takes it away")
            self._held().leave()
        else:
            self._held().undo()

    async def pause(self, seconds: float) -> None:
        """Let so much time pass. Raises what the host refused in the timer's moment."""
        assert self._fault is not None, "it has begun"
        await asyncio.wait([self._fault], timeout=seconds)
        if self._fault.done():
            self._fault.result()

    def feed(self, event: Event, silent_s: float = 0.0) -> None:
        """Something happened. Raises what the host refused."""
        state, actions = after(self.state, event)
        if state is not self.state:
            log.info("state=%s event=%s was=%s", state.name, event.name, self.state.name)
            self.state, self._since = state, time.monotonic()
            self.moved.set()
        for action in actions:
            self._carry_out(action, silent_s)

    def _carry_out(self, action: Action, silent_s: float) -> None:
        match action:
            case Action.ENGAGE:
                assert self.lease is not None, "UP comes with a lease"
                self._held().engage(self.lease)
            case Action.ROLL_BACK:
                self._roll_back()
            case Action.ARM:
                self._arm(silent_s)
            case Action.DISARM:
                self._disarm()
            case Action.NOTE:
                self._held().confirm()

    def _held(self) -> Tunnel:
        assert self._tunnel is not None, "the first event comes after the start"
        return self._tunnel

    def _roll_back(self) -> None:
        log.warning("the exit was away for %g s: everything is taken back", ROLLBACK_S)
        if self.state is State.GIVEN_UP:
            self._held().undo()
        else:
            self._held().loosen()

    def _arm(self, silent_s: float) -> None:
        self._disarm()
        event = Event.LATE_GUARDED if self._guarded else Event.LATE
        left_s = max(0.0, ROLLBACK_S - silent_s)
        self._timer = asyncio.get_running_loop().call_later(left_s, self._late, event)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, event: Event) -> None:
        """The timer's moment; what goes wrong in it is raised where the path is kept."""
        try:
            self.feed(event)
        except FAULTS as exc:
            if self._fault is not None and not self._fault.done():
                self._fault.set_exception(exc)
