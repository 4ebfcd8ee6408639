"""From wishes to changes."""

from ipaddress import ip_network

from plugins.vpn import plan
from plugins.vpn.changes import Route, Rule, Sysctl, Table
from plugins.vpn.firewall import EXIT, KILL
from plugins.vpn.plan import Here, Wish
from plugins.vpn.wire import Lease

BOTH = Lease("10.44.0.7", "10.44.0.1", "fd00::7", "fd00::1")
FOUR = Lease("10.44.0.7", "10.44.0.1")
NETWORK, SIX = ip_network("10.20.0.0/16"), ip_network("fd00:20::/32")


def of(kind: type, changes: tuple[object, ...]) -> list[str]:
    return [" ".join(map(str, change.words)) for change in changes if isinstance(change, kind)]  # type: ignore[attr-defined]  # rules and routes have words


def test_all_goes_through_the_tunnel_and_the_rules_come_last() -> None:
    changes = plan.tunnel(Wish(), BOTH, Here(0x76, ipv6=True, dns_port=53))
    kinds = [type(change) for change in changes]
    assert kinds == [Sysctl, Table, Route, Route, Rule, Rule, Rule, Rule]
    assert of(Route, changes) == ["default dev vmesh0 table 30313"] * 2
    assert of(Rule, changes)[:2] == [
        "pref 30300 lookup main suppress_prefixlength 0",
        "pref 30301 not fwmark 0x76 lookup 30313",
    ]


def test_without_ipv6_at_the_exit_there_is_no_way_past_the_tunnel() -> None:
    changes = plan.tunnel(Wish(), FOUR, Here(0x76, ipv6=True, dns_port=None))
    assert of(Route, changes) == ["default dev vmesh0 table 30313", "unreachable default table 30313"]


def test_without_ipv6_here_nothing_is_said_of_it() -> None:
    changes = plan.tunnel(Wish(split=(SIX,)), BOTH, Here(0x76, ipv6=False, dns_port=None))
    assert [change for change in changes if getattr(change, "family", 4) == 6] == []
    assert of(Route, changes) == []


def test_split_networks_go_through_the_tunnel_and_direct_ones_never() -> None:
    wish = Wish(split=(NETWORK, SIX), direct=(ip_network("10.20.1.0/24"),))
    changes = plan.tunnel(wish, FOUR, Here(0x76, ipv6=True, dns_port=None))
    assert of(Route, changes) == [
        "10.20.0.0/16 dev vmesh0 table 30313",
        "unreachable fd00:20::/32 table 30313",
    ]
    assert of(Rule, changes) == [
        "pref 30298 to 10.20.1.0/24 lookup main",
        "pref 30301 not fwmark 0x76 lookup 30313",
        "pref 30301 not fwmark 0x76 lookup 30313",
    ]


def test_the_kill_switch_is_the_guard_and_nothing_else() -> None:
    assert plan.guard(Wish(), 1) == ()
    assert [table.name for table in plan.guard(Wish(kill_switch=True), 1)] == [KILL]


def test_an_exit_passes_packets_on_when_its_firewall_stands() -> None:
    changes = plan.exit_changes([NETWORK], ipv6=True, private=False, solicited=("eth0",))
    assert isinstance(changes[0], Table)
    assert changes[0].name == EXIT
    assert [change.name for change in changes if isinstance(change, Sysctl)] == [
        "net/ipv4/ip_forward",
        "net/ipv6/conf/eth0/accept_ra",
        "net/ipv6/conf/all/forwarding",
    ]
    assert len(plan.exit_changes([NETWORK], ipv6=False, private=False, solicited=("eth0",))) == 2
