"""A device with its addresses."""

import pytest

from plugins.vpn.device import raised
from plugins.vpn.host import HostError
from plugins.vpn.wire import Lease
from tests.support.vpn import looks, namespace

LEASE = Lease("10.44.0.7", "10.44.0.1", "fd00:44::7", "fd00:44::1")


@pytest.mark.parametrize("exit_side", [False, True])
def test_either_side_has_its_end_and_all_goes_with_it(exit_side: bool) -> None:
    with namespace() as host:
        before = looks(host)
        tun = raised("vx0", LEASE, exit_side=exit_side, ipv6=True)
        shown = host.run("ip", "address", "show", "dev", "vx0")
        four, six = ("10.44.0.1 peer 10.44.0.7", "fd00:44::1 peer fd00:44::7")
        if not exit_side:
            four, six = ("10.44.0.7 peer 10.44.0.1", "fd00:44::7 peer fd00:44::1")
        assert four in shown
        assert six in shown
        assert "mtu 1400" in shown
        assert "fe80" not in shown
        tun.close()
        assert looks(host) == before


def test_a_lease_that_the_kernel_refuses_leaves_no_device() -> None:
    with namespace() as host:
        with pytest.raises(HostError, match="address add"):
            raised("vx0", Lease("10.44.0.300", "10.44.0.1"), exit_side=False, ipv6=False)
        assert "vx0" not in host.run("ip", "link")
