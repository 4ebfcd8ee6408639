"""The VPN's rows: two hosts, ours between them, and others where they are installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.apps import tunnels, vpn
from bench.apps.ground import FAR, Ground, call
from bench.apps.part import QUICK
from bench.apps.programs import Programs
from bench.apps.tunnels import tinc, wireguard
from bench.mesh.faults.program import Trouble
from bench.results import OURS, Sample, rows


def test_two_hosts_have_a_cable_and_are_gone_after() -> None:
    with Ground() as ground:
        assert "1 received" in ground.run(ground.near, "ping", "-c1", FAR)
        with ground.inside(ground.far):
            assert FAR in call("ip", "address", "show", "dev", "cable")
    assert ground.near not in call("ip", "netns")
    with pytest.raises(Trouble, match="ip netns exec"):
        ground.run(ground.near, "true")
    with pytest.raises(Trouble, match="nowhere"):
        call("/nowhere")


def test_ours_is_measured_and_who_is_not_installed_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(programs: Programs, ground: Ground) -> tunnels.Tunnel:
        raise Trouble("tincd is not installed")

    monkeypatch.setattr(vpn, "tinc", absent)
    monkeypatch.setattr(vpn, "wireguard", absent)
    monkeypatch.setattr(vpn, "SECONDS", 1)
    found = [*vpn.bulk(QUICK), *vpn.pings(QUICK._replace(gets=3))]
    assert {(sample.metric, sample.peer) for sample in found} == {
        ("vpn_mb_per_s", "plain veth"),
        ("vpn_mb_per_s", OURS),
        ("vpn_cpu_s_per_gb", OURS),
        ("vpn_ping_us", "plain veth"),
        ("vpn_ping_us", OURS),
    }
    assert "tincd is not installed" in capsys.readouterr().err


def test_a_program_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Programs(tmp_path) as programs:
        for start, name in ((tinc, "tincd"), (wireguard, "wireguard-go")):
            with pytest.raises(Trouble, match=name):
                start(programs, _nowhere())


def _nowhere() -> Ground:
    class Nowhere(Ground):
        @contextmanager
        def inside(self, host: str) -> Iterator[None]:
            yield

    return Nowhere()


def test_the_share_of_the_plain_cable_is_held_against_its_bound() -> None:
    samples = [Sample("vpn_mb_per_s", 0, OURS, 50.0), Sample("vpn_mb_per_s", 0, "plain veth", 100.0)]
    (row,) = rows(samples, vpn.METRICS)
    assert row.bounds[0] == (">= 0.4x plain veth", True)


def test_what_a_killed_program_leaves_is_taken_away(tmp_path: Path) -> None:
    left, others = tmp_path / f"{tunnels._device()}n.sock", tmp_path / "wg0.sock"
    left.touch()
    others.touch()
    tunnels.forget(tmp_path)
    assert list(tmp_path.iterdir()) == [others]
    others.unlink()
    tunnels.forget(tmp_path)
    tunnels.forget(tmp_path)
    assert not tmp_path.exists()
