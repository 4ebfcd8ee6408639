"""Looking for a word in what leaves."""

import socket

import pytest

from plugins.vpn import sniffer
from plugins.vpn.sniffer import Sniffer
from tests.support.vpn import namespace


def test_a_word_is_found_where_it_leaves() -> None:
    with namespace() as host:
        device = next(name for _, name in socket.if_nameindex() if name != "lo")
        with Sniffer(b"the word", ours="vmesh0") as looking, socket.socket(type=socket.SOCK_DGRAM) as sock:
            assert looking.devices() == [device]
            sock.sendto(b"another", ("192.0.2.1", 9))
            sock.sendto(b"this is the word", ("127.0.0.1", 9))
        assert looking.seen() == []
        with Sniffer(b"the word", ours="vmesh0") as looking, socket.socket(type=socket.SOCK_DGRAM) as sock:
            host.ip("neighbour", "replace", "10.1.0.2", "lladdr", "02:00:00:00:00:01", "dev", device)
            sock.sendto(b"this is the word", ("192.0.2.1", 9))
        assert looking.seen() == [device]
        with Sniffer(b"the word", ours=device) as looking, socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.sendto(b"this is the word", ("192.0.2.1", 9))
        assert looking.seen() == []


def flooded() -> None:
    with Sniffer(b"w", ours="x"), socket.socket(type=socket.SOCK_DGRAM) as sock:
        for _ in range(500):
            sock.sendto(bytes(1000), ("127.0.0.1", 9))


def test_packets_that_were_missed_are_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sniffer, "_BUFFER", 1)
    with namespace(), pytest.raises(OSError, match="packets were missed"):
        flooded()
