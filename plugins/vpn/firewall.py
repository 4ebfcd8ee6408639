"""The tables of nftables, as text. Pure.

Client: `viscript_vpn_kill` lets nothing out but the tunnel and the mesh; `viscript_vpn` keeps the mesh's
marks on their connections, takes questions to any resolver to ours, drops what comes to the tunnel's address
from elsewhere, and lets nobody begin a connection by the tunnel. Exit: `viscript_vpn_exit` hides the clients
behind this host, and keeps them where they may go.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from plugins.vpn.changes import Table

KILL: Final = "viscript_vpn_kill"
CLIENT: Final = "viscript_vpn"
EXIT: Final = "viscript_vpn_exit"
DNS_PORT: Final = 53

Network = IPv4Network | IPv6Network
# Where an exit lets nobody go unless it is told to: this host's side of the world.
PRIVATE: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/3"),
        *(
            "::/128",
            "::1/128",
            "::ffff:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "2001:db8::/32",
        ),
        *("2002::/16", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)


def kill_switch(device: str, mark: int, split: Sequence[Network], direct: Sequence[Network]) -> Table:
    """Nothing leaves past the tunnel; with `split`, nothing for those networks. `direct` ones may."""
    allowed = [
        'oifname "lo" accept',
        # Questions taken over by our resolver: they still name the interface that they do not leave by.
        "ip daddr 127.0.0.0/8 accept",
        "ip6 daddr ::1 accept",
        f'oifname "{device}" accept',
        f"meta mark {mark:#x} accept",
        # What the network itself needs: an address, and neighbours on the cable.
        "udp sport 68 udp dport 67 accept",
        "udp sport 546 udp dport 547 accept",
        "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept",
        *(f"{_to(network)} accept" for network in direct),
    ]
    passed = [
        f'oifname "{device}" accept',
        f'iifname "{device}" accept',
        *(f"{_to(network)} accept" for network in direct),
    ]
    refuse = "counter reject with icmpx type admin-prohibited"
    refused = [f"{_to(network)} {refuse}" for network in split] if split else [refuse]
    return Table(
        KILL,
        _chain("out", "filter hook output priority 0", [*allowed, *refused])
        + _chain("through", "filter hook forward priority 0", [*passed, *refused]),
    )


def client(device: str, mark: int, own: Sequence[str], dns_port: int | None) -> Table:
    """What a tunnel needs besides routes; `own` are its addresses."""
    arriving = [f'iifname != {{ "lo", "{device}" }} {_at(address)} drop' for address in own]
    body = (
        _chain("arriving", "filter hook prerouting priority -300", arriving)
        + _chain("back", "filter hook prerouting priority -150", [f"ct mark {mark:#x} meta mark set ct mark"])
        + _chain(
            "on", "filter hook postrouting priority -150", [f"meta mark {mark:#x} ct mark set meta mark"]
        )
    )
    called = f'iifname "{device}" ct state != {{ established, related }} drop'  # nobody calls this host
    body += _chain("called", "filter hook input priority 0", [called])
    body += _chain("through", "filter hook forward priority 0", [called])
    if dns_port is not None:
        asked = (
            f"meta mark != {mark:#x} meta l4proto {{ tcp, udp }} th dport {DNS_PORT} redirect to :{dns_port}"
        )
        body += _chain("names", "nat hook output priority -100", [asked])
    return Table(CLIENT, body)


def exit_table(devices: str, pools: Sequence[Network], *, private: bool) -> Table:
    """NAT for `pools`, whose packets come from `devices` (a prefix); private addresses only if told to."""
    own = f'iifname "{devices}*"'
    echo = ["icmp type echo-request accept", "icmpv6 type { echo-request, nd-neighbor-solicit } accept"]
    known = "ct state { established, related } accept"
    here = [] if private else [*(f"{own} {text}" for text in (known, *echo)), f"{own} drop"]
    refused = "counter reject with icmpx type admin-prohibited"
    called = f'oifname "{devices}*" ct state != {{ established, related }} drop'  # nobody calls a client
    kept = [] if private else [f"{own} {_to(network)} {refused}" for network in PRIVATE]
    hidden = [f'oifname != "{devices}*" {_from(pool)} masquerade' for pool in pools]
    return Table(
        EXIT,
        _chain("honest", "filter hook prerouting priority -300", [f"{own} fib saddr . iif oif eq 0 drop"])
        + _chain("here", "filter hook input priority 0", here)
        + _chain("through", "filter hook forward priority 0", [called, *kept])
        + _chain("hidden", "nat hook postrouting priority 100", hidden),
    )


def _chain(name: str, hook: str, rules: Sequence[str]) -> str:
    lines = "".join(f"        {rule}\n" for rule in rules)
    return f"    chain {name} {{\n        type {hook}; policy accept;\n{lines}    }}\n"


def _to(network: Network) -> str:
    return f"{'ip' if network.version == 4 else 'ip6'} daddr {network}"


def _from(network: Network) -> str:
    return f"{'ip' if network.version == 4 else 'ip6'} saddr {network}"


def _at(address: str) -> str:
    return f"{'ip6' if ':' in address else 'ip'} daddr {address}"
