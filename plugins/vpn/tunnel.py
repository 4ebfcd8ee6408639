"""The client's hold on its host: the kill switch, the device, routes, rules and names. Decides nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable

from plugins.vpn import needs, plan
from plugins.vpn.changes import Table
from plugins.vpn.device import raised
from plugins.vpn.plan import DEVICE, Here, Wish
from plugins.vpn.tun import Tun
from plugins.vpn.undo import Undoable
from plugins.vpn.wire import Lease

log = logging.getLogger(__name__)


class Tunnel:
    """One at a time."""

    def __init__(self, wish: Wish, changes: Undoable, mark: int, dns_port: Callable[[], int | None]) -> None:
        self.tun: Tun | None = None
        self.lease: Lease | None = None
        self._wish = wish
        self._changes = changes
        self._mark = mark
        self._dns_port = dns_port

    @property
    def _guard(self) -> tuple[Table, ...]:
        return plan.guard(self._wish, self._mark)

    def start(self, wish: str) -> bool:
        """Undo what a process before left, and put the kill switch up. Whether it was confirmed before.

        Raises `HostError`, `JournalError` or `OSError`.
        """
        return self._changes.start(wish, self._guard)

    def engage(self, lease: Lease) -> None:
        """Lead packets through the tunnel. Raises `HostError`, `TunError` or `OSError`."""
        if lease == self.lease:
            return
        self.loosen()
        here = Here(self._mark, needs.has_ipv6(), self._dns_port())
        self.tun = raised(DEVICE, lease, exit_side=False, ipv6=here.ipv6)
        self.lease = lease
        self._changes.apply(plan.tunnel(self._wish, lease, here))
        log.info("engaged device=%s ipv4=%s ipv6=%s", DEVICE, lease.ipv4, lease.ipv6 or "none")

    def loosen(self) -> None:
        """Everything is as before but the kill switch. Raises `HostError` or `OSError`."""
        self._changes.back_to({table.name for table in self._guard})
        self._close()

    def undo(self) -> None:
        """Everything is as before. Raises `HostError` or `OSError`."""
        try:
            self._changes.undo()
        finally:
            self._close()

    def leave(self) -> None:
        """Go, and leave the host as it is. The device goes too: only the kill switch still has an effect."""
        self._close()

    def confirm(self) -> None:
        """Somebody can reach this host. Raises `OSError`."""
        self._changes.confirm()

    def _close(self) -> None:
        if self.tun is not None:
            self.tun.close()
        self.tun, self.lease = None, None
