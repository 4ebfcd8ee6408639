"""What the adapters write and start."""

import json
from pathlib import Path

import pytest

from bench.peers import PEERS
from bench.peers.peer import Program
from viscript.config.loader import load

PROGRAMS = [Program("p0", ("/bin/child", "/tmp/c", "p0")), Program("p1", ("/bin/child", "/tmp/c", "p1"))]


@pytest.mark.parametrize("name", PEERS)
def test_every_adapter_can_be_configured_and_knows_its_commands(name: str, tmp_path: Path) -> None:
    peer = PEERS[name](tmp_path / "peers", tmp_path)
    peer.configure(PROGRAMS, log=True)
    for argv in (peer.daemon_argv(), peer.driver_argv(), peer.oneshot_all(), peer.oneshot_one()):
        assert argv
        assert all(isinstance(word, str) for word in argv)
    assert peer.logs() == []
    assert peer.note


@pytest.mark.parametrize("name", [name for name in PEERS if name != "viscript"])
def test_a_peer_that_was_not_prepared_says_so(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert PEERS[name].missing(None)
    assert PEERS[name].missing(tmp_path)


def test_our_configuration_is_one_we_accept(tmp_path: Path) -> None:
    peer = PEERS["viscript"](None, tmp_path)
    peer.configure(PROGRAMS, log=True)
    loaded = load(tmp_path / "config.yaml", environ={})
    assert loaded.config.apps["p1"].autostart
    assert loaded.config.apps["p1"].restart.policy == "always"


def test_nothing_of_the_callers_home_reaches_a_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISCRIPT_HOME", "/somewhere")
    monkeypatch.setenv("PM2_HOME", "/somewhere")
    for kind in PEERS.values():
        assert "/somewhere" not in kind(tmp_path, tmp_path).environ().values()


def test_services_of_s6_tell_that_they_are_ready(tmp_path: Path) -> None:
    peer = PEERS["s6"](None, tmp_path)
    peer.configure(PROGRAMS[:1], log=False)
    assert (tmp_path / "sv/p0/notification-fd").read_text() == "3\n"
    assert "exec /bin/child /tmp/c p0" in (tmp_path / "sv/p0/run").read_text()


def test_programs_of_pm2_need_no_interpreter(tmp_path: Path) -> None:
    PEERS["pm2"](None, tmp_path).configure(PROGRAMS, log=False)
    apps = json.loads((tmp_path / "e.json").read_text())["apps"]
    assert [(app["name"], app["interpreter"]) for app in apps] == [("p0", "none"), ("p1", "none")]
