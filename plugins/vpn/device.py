"""A TUN device with its addresses. All of it goes with the device, so none of it is journalled."""

from __future__ import annotations

from plugins.vpn.changes import Run
from plugins.vpn.host import HostError, run
from plugins.vpn.tun import Tun
from plugins.vpn.wire import Lease

_QUEUE = 1000  # packets that wait in the device while the stream is busy


def raised(name: str, lease: Lease, *, exit_side: bool, ipv6: bool) -> Tun:
    """A device that is up, with the client's or the exit's addresses. Raises `TunError` or `HostError`."""
    tun = Tun(name, whole=lease.whole, uso=lease.uso)
    own = [(lease.ipv4, lease.gateway4), (lease.ipv6, lease.gateway6)]
    try:
        link = ("ip", "link", "set", "dev", tun.name)
        run(Run((*link, "addrgenmode", "none")))
        run(Run((*link, "mtu", str(lease.mtu), "txqueuelen", str(_QUEUE), "up")))
        for address, peer in own if ipv6 else own[:1]:
            if address:
                ours, theirs = (peer, address) if exit_side else (address, peer)
                run(_address(tun.name, ours, theirs))
    except HostError:
        tun.close()
        raise
    return tun


def _address(device: str, ours: str, theirs: str) -> Run:
    six = ("nodad",) if ":" in ours else ()
    return Run(("ip", "address", "add", ours, "peer", theirs, "dev", device, *six))
