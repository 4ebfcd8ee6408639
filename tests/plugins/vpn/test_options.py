"""Command lines, the seeds' first."""

import argparse
from ipaddress import ip_network
from pathlib import Path

import pytest

from plugins.vpn import options
from plugins.vpn.plan import Wish
from plugins.vpn.pool import USUAL4, USUAL6

KEY = 32 * "0a"


def test_a_server_in_the_seeds_words() -> None:
    given = options.server(["vpnsrv0", "127.0.0.1:5505"], {"VISCRIPT_STATE": "/s/vpnsrv0"})
    assert (given.name, given.visor, given.port) == ("vpnsrv0", "127.0.0.1:5505", 44)
    assert (given.pool, given.pool6, given.mtu, given.state) == (USUAL4, USUAL6, 1400, Path("/s/vpn-server"))


def test_a_server_with_all_options() -> None:
    words = (
        "--allow a,b --allow-private --pool 10.9.0.0/24 --pool6 off --dns 10.0.0.1,::1 --mtu 9000 --state /x"
    )
    given = options.server(words.split(), {})
    assert (given.allow, given.allow_private) == (("a", "b"), True)
    assert (str(given.pool), given.pool6, given.dns) == ("10.9.0.0/24", None, ("10.0.0.1", "::1"))
    assert (given.mtu, given.state) == (9000, Path("/x"))
    assert str(options.server(["--pool6", "fd00::/64"], {}).pool6) == "fd00::/64"


def test_a_client_in_the_seeds_words() -> None:
    given = options.client(["vpnc0", "127.0.0.1:5505", "8002", "--peer", KEY], {"HOME": "/h"})
    assert (given.name, given.peer, given.exit_port, given.names) == ("vpnc0", KEY, 44, True)
    assert given.wish == Wish()
    assert given.state == Path("/h/.local/state/viscript/vpn-client")


def test_a_client_with_all_options() -> None:
    words = f"--peer {KEY} --exit-port 7 --kill-switch --split 10.0.0.0/8,fd00::/8 --direct 10.1.0.0/16"
    given = options.client([*words.split(), "--own-dns"], {})
    networks = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert given.wish == Wish(True, networks, (ip_network("10.1.0.0/16"),))
    assert (given.exit_port, given.names) == (7, False)
    assert options.client(["--peer", KEY, "--split", "10.0.0.0/8"], {}).names is False


@pytest.mark.parametrize(
    "words",
    [
        "--pool 10.9.0.1/24",
        "--pool 10.0.0.0/31",
        "--pool 10.0.0.0/7",
        "--pool6 fd00::1/64",
        "--pool6 fd00::/100",
        "--dns dns.lan",
        "--mtu 1000",
        "--mtu x",
    ],
)
def test_wrong_words_of_a_server_end_it(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        options.server(words.split(), {})
    assert caught.value.code == 2
    assert words.split()[0] in capsys.readouterr().err


def test_a_client_needs_an_exit_and_networks_that_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--peer", KEY, "--split", "10.0.0.1/8"]):
        with pytest.raises(SystemExit):
            options.client(words, {})
    assert "has host bits set" in capsys.readouterr().err
    with pytest.raises(argparse.ArgumentTypeError):
        options.networks("10.0.0.0/99")
