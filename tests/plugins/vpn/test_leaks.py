"""The pure part of the leak test; the test itself is tried in tests/e2e/mesh_vpn."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.vpn import leaks
from plugins.vpn.plan import Wish
from plugins.vpn.wire import Lease
from tests.support.vpn import namespace


@given(st.binary(max_size=64).filter(lambda data: len(data) % 2 == 0))
def test_a_checksum_makes_the_sum_whole(data: bytes) -> None:
    assert leaks.checksum(data + leaks.checksum(data).to_bytes(2, "big")) == 0


def test_an_odd_byte_counts_as_the_higher_one() -> None:
    assert leaks.checksum(b"\x01") == leaks.checksum(b"\x01\x00")


async def test_without_a_tunnel_every_row_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "ECHO_S", 0.2)
    with namespace():
        rows = await leaks.test(Wish(kill_switch=True), Lease("10.44.0.7", "10.44.0.1", "fd00::7", "fd00::1"))
    assert [row.check for row in rows] == [
        "the exit at 10.44.0.1",
        "the exit at fd00::1",
        "the way to 192.0.2.1",
        "the way to 2001:db8::1",
        "probes outside the tunnel",
    ]
    assert [row.ok for row in rows][:4] == [False] * 4
    assert rows[0].text == "no answer within 0.2 s"
    assert "unreachable" in rows[1].text


async def test_split_networks_are_looked_at_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "ECHO_S", 0.2)
    wish = Wish(split=(ip_network("10.20.0.0/16"),), direct=(ip_network("10.20.1.0/24"),))
    with namespace():
        rows = await leaks.test(wish, Lease("10.44.0.7", "10.44.0.1"))
    assert rows[1].check == "the way to 10.20.128.0"
    assert leaks._is_direct("10.20.1.9", wish.direct)


async def test_who_may_not_listen_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(word: bytes, *, ours: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(leaks, "Sniffer", refuse)
    row = await leaks._unseen(Wish())
    assert (row.ok, row.text) == (False, "cannot be listened for: Operation not permitted")
