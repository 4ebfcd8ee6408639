"""The tables, as nft itself takes them. That they do what they say is shown in tests/e2e/mesh_vpn."""

import subprocess
from ipaddress import ip_network

import pytest

from plugins.vpn import firewall
from plugins.vpn.changes import Table, doing
from plugins.vpn.host import Host
from tests.support.vpn import namespace

MARK = 0x76
FOUR, SIX = ip_network("10.20.0.0/16"), ip_network("fd00:20::/32")
TABLES = [
    firewall.kill_switch("vmesh0", MARK, (), ()),
    firewall.kill_switch("vmesh0", MARK, (FOUR, SIX), (ip_network("10.20.1.0/24"),)),
    firewall.client("vmesh0", MARK, ["10.44.0.7", "fd00::7"], 5353),
    firewall.client("vmesh0", MARK, ["10.44.0.7"], None),
    firewall.exit_table("vexit", [FOUR, SIX], private=False),
    firewall.exit_table("vexit", [FOUR], private=True),
]


@pytest.mark.parametrize("table", TABLES)
def test_nft_takes_each_table_twice(table: Table) -> None:
    with namespace():
        for _ in range(2):
            Host().do(doing(table))
        shown = subprocess.run(
            ["nft", "list", "tables"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
        assert shown == f"table inet {table.name}\n"


def test_a_split_kill_switch_refuses_those_networks_only() -> None:
    split = TABLES[1].body
    assert "ip daddr 10.20.0.0/16 counter reject" in split
    assert "ip6 daddr fd00:20::/32 counter reject" in split
    assert split.index("10.20.1.0/24 accept") < split.index("10.20.0.0/16")
    assert "        counter reject" not in split
    assert "        counter reject" in TABLES[0].body


def test_names_are_taken_over_only_where_they_are_to_be() -> None:
    assert "dport 53 redirect to :5353" in TABLES[2].body
    assert "redirect" not in TABLES[3].body


def test_private_addresses_are_refused_unless_told() -> None:
    assert all(f"daddr {network} counter reject" in TABLES[4].body for network in firewall.PRIVATE)
    assert "reject" not in TABLES[5].body
