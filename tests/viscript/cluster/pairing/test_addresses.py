"""Which addresses stand in a code."""

import socket

import pytest

from viscript.cluster.pairing import addresses
from viscript.cluster.pairing.addresses import (
    advertised,
    chosen,
    lead_from_anywhere,
    own_addresses,
    system_addresses,
)
from viscript.cluster.pairing.code import MOST_ADDRESSES


def test_the_address_that_leads_out_stands_first() -> None:
    found = ["127.0.0.1", "10.0.0.1", "192.168.1.5", "fd00::1", "::1"]
    assert chosen(found, ["192.168.1.5", ""]) == ["192.168.1.5", "10.0.0.1", "fd00::1"]


@pytest.mark.parametrize(
    "useless", ["127.0.0.1", "::1", "169.254.1.1", "fe80::1%eth0", "fe80::1", "0.0.0.0", "no"]
)
def test_what_others_cannot_use_is_left_out(useless: str) -> None:
    assert chosen([useless, "10.0.0.1"], [useless]) == ["10.0.0.1"]


def test_one_ipv6_address_is_enough_beside_others() -> None:
    found = ["fd00::1", "fd00::2", "10.0.0.1"]
    assert chosen(found, ["10.0.0.1", "fd00::2"]) == ["10.0.0.1", "fd00::2"]
    assert chosen(found[:2], []) == ["fd00::1", "fd00::2"]


def test_what_the_configuration_advertises_is_used_instead() -> None:
    told = ["tcp://gate.example:7791", "tcp://[fd00::1]:7791", "tcp://gate.example:80"]
    assert advertised(told) == ["gate.example", "fd00::1"]
    assert advertised([]) == []


def test_a_host_without_a_network_is_reached_on_loopback() -> None:
    assert chosen(["127.0.0.1"], [""]) == ["127.0.0.1"]


def test_no_more_than_fit_a_code() -> None:
    assert len(chosen([f"10.0.0.{n}" for n in range(1, 20)], [])) == MOST_ADDRESSES


def test_the_system_is_asked() -> None:
    assert "127.0.0.1" in system_addresses()
    assert own_addresses()


def test_where_no_way_leads_out_none_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: socket.socket, address: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    monkeypatch.setattr(addresses, "system_addresses", lambda: ["10.0.0.1"])
    assert own_addresses() == ["10.0.0.1"]


@pytest.mark.parametrize("private", ["10.0.0.1", "192.168.1.5", "100.64.0.1", "127.0.0.1", "fd00::1"])
def test_a_private_address_leads_from_its_own_network_only(private: str) -> None:
    assert not lead_from_anywhere([private])
    assert lead_from_anywhere([private, "2a00:1450::1"])


def test_a_name_and_a_public_address_lead_from_anywhere() -> None:
    assert lead_from_anywhere(["gate.example"])
    assert lead_from_anywhere(["45.0.0.1"])
    assert not lead_from_anywhere([])
