"""From a wish and what an exit gave: the list of changes. Pure.

Policy routing leaves the main table as it is. Packets with the mesh's mark do not see ours; of the main table
all else sees only what is more particular than a default route, then ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plugins.vpn import firewall
from plugins.vpn.changes import Change, Route, Rule, Sysctl, Table
from plugins.vpn.firewall import Network
from plugins.vpn.wire import Lease

TABLE: Final = "30313"
DIRECT_PREF: Final = "30298"
MAIN_PREF: Final = "30300"
TUNNEL_PREF: Final = "30301"
DEVICE: Final = "vmesh0"
EXIT_DEVICES: Final = "vexit"
EXIT_WISH: Final = "exit"  # of the journal of an exit
MARK_COUNTS: Final = Sysctl("net/ipv4/conf/all/src_valid_mark", "1")


@dataclass(frozen=True)
class Wish:
    """What a person wants of a tunnel. Without `split` everything goes through it."""

    kill_switch: bool = False
    split: tuple[Network, ...] = ()
    direct: tuple[Network, ...] = ()


@dataclass(frozen=True)
class Here:
    """What the host is like: the mark of the mesh, whether it has IPv6, where our resolver listens."""

    mark: int
    ipv6: bool
    dns_port: int | None


def guard(wish: Wish, mark: int) -> tuple[Table, ...]:
    """What is in place before the tunnel, and stays without it."""
    if not wish.kill_switch:
        return ()
    return (firewall.kill_switch(DEVICE, mark, wish.split, wish.direct),)


def tunnel(wish: Wish, lease: Lease, here: Here) -> tuple[Change, ...]:
    """The tunnel's changes, in the order to make them; the rules, which bring it to life, are the last."""
    own = [address for address in (lease.ipv4, lease.ipv6) if address]
    families = (4, 6) if here.ipv6 else (4,)
    return (
        MARK_COUNTS,
        firewall.client(DEVICE, here.mark, own, here.dns_port),
        *_routes(wish, lease, families),
        *(rule for family in families for rule in _rules(wish, family, here.mark)),
    )


def _routes(wish: Wish, lease: Lease, families: Sequence[int]) -> list[Route]:
    given = {4: bool(lease.ipv4), 6: bool(lease.ipv6)}
    wanted: list[tuple[int, str]] = [(network.version, str(network)) for network in wish.split]
    if not wish.split:
        wanted = [(family, "default") for family in families]
    return [
        Route(family, (to, "dev", DEVICE, "table", TABLE))
        if given[family]
        else Route(family, ("unreachable", to, "table", TABLE))  # better an error than a way past the tunnel
        for family, to in wanted
        if family in families
    ]


def _rules(wish: Wish, family: int, mark: int) -> list[Rule]:
    rules = [
        Rule(family, ("pref", DIRECT_PREF, "to", str(network), "lookup", "main"))
        for network in wish.direct
        if network.version == family
    ]
    if not wish.split:
        rules.append(Rule(family, ("pref", MAIN_PREF, "lookup", "main", "suppress_prefixlength", "0")))
    rules.append(Rule(family, ("pref", TUNNEL_PREF, "not", "fwmark", f"{mark:#x}", "lookup", TABLE)))
    return rules


def exit_changes(
    pools: Sequence[Network], *, ipv6: bool, private: bool, solicited: Sequence[str] = ()
) -> tuple[Change, ...]:
    """What an exit changes on its host. Packets are passed on last, when the firewall stands.

    `solicited` interfaces learn IPv6 routes from routers; they go on when packets are passed on too.
    """
    moved4 = ("net/ipv4/conf/*/forwarding", "net/ipv4/conf/*/accept_redirects")
    changes: list[Change] = [firewall.exit_table(EXIT_DEVICES, pools, private=private)]
    changes.append(Sysctl("net/ipv4/ip_forward", "1", moved4))
    if ipv6:
        changes += [Sysctl(f"net/ipv6/conf/{name}/accept_ra", "2") for name in solicited]
        changes.append(Sysctl("net/ipv6/conf/all/forwarding", "1", ("net/ipv6/conf/*/forwarding",)))
    return tuple(changes)
