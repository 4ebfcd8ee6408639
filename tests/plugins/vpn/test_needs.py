"""What the apps need of their host."""

from pathlib import Path

import pytest

from plugins.vpn import needs
from plugins.vpn.needs import Lacking
from plugins.vpn.tun import TunError
from tests.support.vpn import namespace


def status(tmp_path: Path, effective: str) -> Path:
    path = tmp_path / "status"
    path.write_text(f"Name:\tx\nCapEff:\t{effective}\n")
    return path


def test_a_host_that_has_all_says_what_its_devices_can() -> None:
    with namespace():
        assert needs.check()[0] is True


def test_the_capability_is_missed_by_name(tmp_path: Path) -> None:
    with pytest.raises(Lacking, match=r"CAP_NET_ADMIN is missing: run the daemon as root"):
        needs.check(status(tmp_path, "0000000000000000"))
    assert needs.may_administer(status(tmp_path, "0000000000001000").read_text())
    assert not needs.may_administer("")


def test_a_program_is_missed_with_its_package() -> None:
    with pytest.raises(Lacking, match="the program nft is missing: install nftables"):
        needs.check(find=lambda program: program == "ip")


def test_a_host_without_tun_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[bool, bool]:
        raise TunError("/dev/net/tun cannot be opened: No such file or directory")

    monkeypatch.setattr(needs, "abilities", refuse)
    with pytest.raises(Lacking, match=r"cannot be opened.*load the module tun"):
        needs.check()


def test_one_app_of_a_kind_runs_in_a_network() -> None:
    with namespace():
        first = needs.lock("client")
        needs.lock("server").close()
        with pytest.raises(Lacking, match="another vpn-client runs on this host already"):
            needs.lock("client")
        first.close()
        needs.lock("client").close()


def test_ipv6_is_there_or_not(tmp_path: Path) -> None:
    with namespace():
        assert needs.has_ipv6()
    assert not needs.has_ipv6(tmp_path)


def test_interfaces_that_learn_their_routes_are_found(tmp_path: Path) -> None:
    for name, value in (("all", "1"), ("lo", "1"), ("eth0", "1"), ("eth1", "0"), ("eth2", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "accept_ra").write_text(f"{value}\n")
    assert needs.solicited(tmp_path) == ("eth0",)
