"""As a person uses it: two hosts, a daemon on each, verbs; while daemon, keeper and client are killed."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.network import Cable, Host, Network
from tests.support.vpn import Capture, HostHome, looks, pings
from tests.support.wait import eventually

CONFIG = "plugins: {settings: {mesh: {alone: true, setup: direct}}}\n"
WAIT_S = 90.0


@dataclass
class Two:
    """Ann's home and Ben's, whose visors are linked, and the host beyond Ben."""

    ann: HostHome
    ben: HostHome
    web: Host
    beyond: Cable

    def at(self, home: HostHome) -> Host:
        assert home.host is not None
        return home.host

    @property
    def address(self) -> str:
        """Of the host beyond."""
        return self.beyond.address(self.web)

    def states(self) -> list[str]:
        """Of the clients at Ann."""
        rows = self.ann.viscript("vpn", "status", "-o", "json", timeout=60)
        return [row["state"] for row in rows.json()] if rows.code == 0 else []


@pytest.fixture
def two(short_tmp: Path) -> Iterator[Two]:
    with Network() as network:
        ann, ben, web = (network.host(name) for name in ("ann", "ben", "web"))
        cable, beyond = network.cable(ann, ben), network.cable(ben, web)
        ann.default_route(cable.address(ben))
        homes = [HostHome(short_tmp / host.name, host=host) for host in (ann, ben)]
        try:
            for home in homes:
                home.root.mkdir(mode=0o700)
                home.start_daemon(CONFIG)
            joined = Two(homes[0], homes[1], web, beyond)
            join(joined, cable)
            yield joined
            for home in homes:
                home.end_daemon()
        finally:
            for home in homes:
                home.close()


def join(two: Two, cable: Cable) -> None:
    """Ann's visor has a link to Ben's, whom she calls ben; Ben has an exit."""
    two.ben.viscript("start", "vpn-server", "--", "--allow-private", timeout=60).ok()
    two.ann.viscript("start", "visor", timeout=60).ok()
    key = two.ben.viscript("whoami", "-o", "json").ok().json()["public_key"]
    place = f"{key}@{cable.address(two.at(two.ben))}:7777"
    two.ann.viscript("tp", "add", place, timeout=60).ok()
    two.ann.viscript("mesh", "name", key, "ben").ok()


def test_a_tunnel_by_verbs_outlives_daemon_and_keeper_and_is_undone(two: Two) -> None:
    ann = two.at(two.ann)
    before = looks(ann)
    two.ann.viscript("vpn", "up", "ben", "--kill-switch", "--dry-run").ok()
    assert looks(ann) == before
    with Capture(ann) as capture:
        up = two.ann.viscript("vpn", "up", "ben", "--kill-switch", "-o", "json", timeout=60).ok().json()
        assert (up[0]["state"], up[0]["kill_switch"]) == ("up, not confirmed", True)
        assert two.ann.viscript("vpn", "up", "ben").code == 1
        check = two.ann.viscript("vpn", "check", timeout=60).ok()
        assert "passed: the tunnel is confirmed" in check.out + check.err
        eventually(lambda: pings(ann, two.address), deadline_s=WAIT_S)
        two.ann.kill_daemon()
        assert pings(ann, two.address)
        two.ann.kill_keeper()
        assert pings(ann, two.address)
        eventually(lambda: two.states() == ["up"], deadline_s=WAIT_S)
        client = next(
            row for row in two.ann.viscript("la", "-o", "json").ok().json() if row["app"] == "vpn-client"
        )
        os.kill(client["pid"], signal.SIGKILL)
        eventually(lambda: two.states() == ["up"] and pings(ann, two.address), deadline_s=WAIT_S)
    assert capture.sent_to(two.address) == []
    two.ann.viscript("vpn", "down", timeout=60).ok()
    assert looks(ann) == before
    assert two.states() == []


def test_a_home_that_lost_everything_is_cleaned_up_after(two: Two) -> None:
    ann = two.at(two.ann)
    before = looks(ann)
    two.ann.viscript("vpn", "up", "ben", "--kill-switch", timeout=60).ok()
    two.ann.viscript("vpn", "confirm").ok()
    two.ann.close()  # daemon, keeper, visor and client at once, by SIGKILL
    assert looks(ann) != before
    assert not pings(ann, two.address)
    two.ann.start_daemon(CONFIG)
    two.ann.viscript("vpn", "down", timeout=60).ok()
    assert looks(ann) == before


def test_a_frozen_client_is_brought_down_too(two: Two) -> None:
    ann = two.at(two.ann)
    before = looks(ann)
    up = two.ann.viscript("vpn", "up", "ben", "-o", "json", timeout=60).ok().json()
    pid = next(
        row["pid"] for row in two.ann.viscript("la", "-o", "json").ok().json() if row["id"] == up[0]["id"]
    )
    os.kill(pid, signal.SIGSTOP)
    two.ann.viscript("vpn", "down", timeout=90).ok()
    assert looks(ann) == before


def test_what_is_wrong_is_said(two: Two) -> None:
    nobody = two.ann.viscript("vpn", "up", "nobody", timeout=60)
    assert nobody.code == 1
    assert "no tunnel yet: nobody here is called 'nobody'" in nobody.out + nobody.err
    assert two.ann.viscript("vpn", "check").code == 1
    two.ann.viscript("vpn", "down", timeout=60).ok()
    assert two.ann.viscript("vpn", "confirm").code == 5
    assert two.ann.viscript("vpn", "up", "ben", "--split", "10.0.0.1/8").code == 2
    shown = json.loads(two.ben.viscript("vpn", "-o", "json").ok().out)
    assert (shown[0]["state"], shown[0]["peer"]) == ("up", "0 clients")
