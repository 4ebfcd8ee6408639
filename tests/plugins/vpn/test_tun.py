"""TUN devices, on a host of their own."""

import pytest

from plugins.vpn import tun
from plugins.vpn.tun import Tun, TunError
from tests.support.vpn import namespace


def test_a_device_is_there_until_it_is_closed() -> None:
    with namespace() as host:
        made = Tun("vx%d")
        assert made.name == "vx0"
        assert "vx0" in host.run("ip", "link")
        with pytest.raises(TunError, match="no TUN device vx0: Device or resource busy"):
            Tun("vx0")
        made.close()
        made.close()
        assert "vx0" not in host.run("ip", "link")


def test_the_plain_form_is_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    with namespace():
        assert tun.abilities()[0] is True
        monkeypatch.setattr(tun, "_DATAGRAMS", 1 << 20)  # what an older kernel says of it
        assert tun.abilities() == (True, False)
        monkeypatch.setattr(tun, "_SEGMENTS", 1 << 20)
        assert tun.abilities() == (False, False)
        monkeypatch.setattr(tun, "PATH", "/nowhere")
        with pytest.raises(TunError, match="/nowhere cannot be opened: No such file"):
            tun.abilities()
