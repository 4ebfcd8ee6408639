"""Where this host's own connections come from."""

import ipaddress
import socket
from typing import Any

import pytest

from plugins.socks.outward import outward


def test_each_family_with_a_way_out_has_one_address() -> None:
    families = [ipaddress.ip_address(address).version for address in outward()]
    assert len(families) == len(set(families))


def test_a_host_without_a_way_out_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(self: socket.socket, address: Any) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", nowhere)
    assert outward() == []
