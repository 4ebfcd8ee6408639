"""The client's hold on its host."""

from pathlib import Path

import pytest

from plugins.vpn.host import Host, HostError
from plugins.vpn.journal import Journal
from plugins.vpn.plan import DEVICE, Wish
from plugins.vpn.tunnel import Tunnel
from plugins.vpn.undo import Undoable
from plugins.vpn.wire import Lease
from tests.support.vpn import looks, namespace

LEASE = Lease("10.44.0.7", "10.44.0.1", "fd00:44::7", "fd00:44::1")
OTHER = Lease("10.44.0.8", "10.44.0.1")


def tunnel(folder: Path, wish: Wish) -> Tunnel:
    return Tunnel(wish, Undoable(Journal(folder), Host()), 0x76, lambda: 5353)


def test_all_of_it_is_undone_exactly(tmp_path: Path) -> None:
    with namespace() as host:
        before = looks(host)
        made = tunnel(tmp_path, Wish(kill_switch=True))
        assert made.start("wish") is False
        guarded = looks(host)
        made.engage(LEASE)
        engaged = looks(host)
        made.engage(LEASE)
        assert looks(host) == engaged
        assert DEVICE in engaged["links"]
        made.loosen()
        assert looks(host) == guarded
        made.undo()
        assert looks(host) == before
    assert list(tmp_path.iterdir()) == []


def test_another_lease_takes_the_place_of_the_first(tmp_path: Path) -> None:
    with namespace() as host:
        before = looks(host)
        made = tunnel(tmp_path, Wish())
        made.start("wish")
        made.engage(LEASE)
        made.engage(OTHER)
        seen = looks(host)
        assert "10.44.0.8" in seen["addresses"]
        assert "unreachable default" in seen["routes 6"]
        made.undo()
        assert looks(host) == before


def test_one_that_is_left_keeps_only_its_kill_switch_working(tmp_path: Path) -> None:
    with namespace() as host:
        before = looks(host)
        made = tunnel(tmp_path, Wish(kill_switch=True))
        made.start("wish")
        made.engage(LEASE)
        made.confirm()
        made.leave()
        assert "viscript_vpn_kill" in looks(host)["tables"]
        assert DEVICE not in looks(host)["links"]
        again = tunnel(tmp_path, Wish(kill_switch=True))
        assert again.start("wish") is True
        again.undo()
        assert looks(host) == before


def test_a_host_that_refuses_a_step_is_as_before_after_the_undo(tmp_path: Path) -> None:
    with namespace() as host:
        host.ip("rule", "add", "pref", "30301", "not", "fwmark", "0x76", "lookup", "30313")
        before = looks(host)
        made = tunnel(tmp_path, Wish())
        made.start("wish")
        with pytest.raises(HostError, match="File exists"):
            made.engage(LEASE)
        made.undo()
        host.ip("rule", "add", "pref", "30301", "not", "fwmark", "0x76", "lookup", "30313")
        assert looks(host) == before
