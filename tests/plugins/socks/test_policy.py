"""Where an exit connects to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.socks.policy import Policy, held_by

PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1", "64:ff9b::101:101"]
PRIVATE = [
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.9.10",
    "169.254.169.254",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:0:192.168.0.1",
    "::10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2001:0:4136:e378::1",
]
NOWHERE = ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0", "64:ff9b::e000:1"]


@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses_are_gone_to(host: str) -> None:
    assert Policy().objection(host) == ""


@pytest.mark.parametrize("host", PRIVATE)
def test_private_ones_only_if_that_is_allowed(host: str) -> None:
    assert Policy().objection(host) == f"{host} is private"
    assert Policy(allow_private=True).objection(host) == ""


@pytest.mark.parametrize("host", NOWHERE)
def test_what_is_no_host_is_never_gone_to(host: str) -> None:
    for policy in (Policy(), Policy(allow_private=True)):
        assert "no address of a host" in policy.objection(host)


def test_the_exits_own_addresses_are_private_however_they_are_written() -> None:
    own = ["1.1.1.1", "2606:4700::1111"]
    for host in (*own, "::ffff:1.1.1.1", "64:ff9b::101:101"):
        assert Policy().objection(host, own) == f"{host} is the exit's own"
        assert Policy(allow_private=True).objection(host, own) == ""


def test_a_list_of_keys_keeps_all_others_out() -> None:
    assert Policy().is_welcome(b"a")
    assert Policy(keys=frozenset({b"a"})).is_welcome(b"a")
    assert not Policy(keys=frozenset({b"a"})).is_welcome(b"b")


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_any_form(address: ipaddress.IPv4Address) -> None:
    plain = Policy().objection(str(address)).partition(" is ")[2]
    for form in (
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        f"2002:{address.packed[:2].hex()}:{address.packed[2:].hex()}::5",
    ):
        assert Policy().objection(form).partition(" is ")[2] == plain


@given(st.ip_addresses())
def test_every_address_is_judged(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    held_by(address)
    Policy().objection(str(address))
