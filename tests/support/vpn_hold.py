"""A client's hold on its host without a host."""

from __future__ import annotations

from typing import Any, cast

from plugins.vpn.changes import Run
from plugins.vpn.holding import Holding
from plugins.vpn.host import HostError
from plugins.vpn.tunnel import Tunnel
from plugins.vpn.wire import Lease


class Hold:
    """Notes what the client has done to its host."""

    def __init__(self, *, refusing: bool = False) -> None:
        self.done: list[str] = []
        self.tun: object | None = None
        self.lease: object | None = None
        self.refusing = refusing

    def __getattr__(self, name: str) -> Any:
        def note(*words: object) -> None:
            self.done.append(name)
            if self.refusing:
                raise HostError(Run(("nft",)), "no")

        return note


def holding(hold: Hold, *, guarded: bool = False) -> Holding:
    """With a lease, before its first event."""
    made = Holding(guarded=guarded)
    made.hold(cast(Tunnel, hold))
    made.lease = Lease("10.44.0.7", "10.44.0.1")
    return made
