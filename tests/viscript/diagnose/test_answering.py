"""Who answers on a port: on a host that is made up, and on this one."""

import os
import socket

import pytest

from viscript.diagnose.answering import held_by_another, is_here
from viscript.diagnose.bound import Bound
from viscript.diagnose.conflict import PortConflict

NOBODY = 2**30  # beyond any pid
APPS = {NOBODY + 7: 7, NOBODY + 8: 8}


class FakeHolders:
    def __init__(self, *bound: Bound) -> None:
        self._bound = bound

    def bound(self) -> tuple[Bound, ...]:
        return self._bound

    def of_socket(self, bound: Bound) -> tuple[int, ...]:
        return bound.pids

    def of_path(self, path: str) -> tuple[int, ...]:
        return ()

    def name(self, pid: int) -> str:
        return f"program-{pid - NOBODY}"


def asked(*bound: Bound, seq: int = 7) -> PortConflict | None:
    return held_by_another("127.0.0.1", 80, seq=seq, pid=NOBODY, seq_of=APPS.get, holders=FakeHolders(*bound))


def tcp(*pids: int, host: str = "127.0.0.1", protocol: str = "tcp") -> Bound:
    return Bound(protocol, host, 80, 1, tuple(NOBODY + pid for pid in pids))


def test_another_app_or_a_stranger_is_named() -> None:
    assert asked(tcp(8)) == PortConflict(port=80, pid=NOBODY + 8, process="program-8", id=8)
    assert asked(tcp(9)) == PortConflict(port=80, pid=NOBODY + 9, process="program-9")
    assert asked(tcp(8, host="::", protocol="tcp6")) is not None


def test_a_listener_of_its_own_is_enough() -> None:
    assert asked(tcp(7)) is None
    assert asked(tcp(8), tcp(7)) is None  # both, by SO_REUSEPORT
    assert asked(tcp(8, 7)) is None  # a socket that both inherited


def test_what_cannot_be_known_is_nobody() -> None:
    assert asked() is None
    assert asked(tcp()) is None  # another user's
    assert asked(tcp(8, protocol="udp")) is None
    assert asked(tcp(8, host="10.0.0.1")) is None


def test_this_process_is_found_by_its_own_descriptors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        pid = os.getpid()
        assert held_by_another("127.0.0.1", port, seq=7, pid=pid, seq_of=lambda each: None) is None
        other = held_by_another("127.0.0.1", port, seq=7, pid=1, seq_of={pid: 8}.get)
    assert other is not None
    assert (other.port, other.pid, other.id) == (port, pid, 8)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0"])
def test_an_address_of_this_host(host: str) -> None:
    assert is_here(host)


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "fe80::1", ""])
def test_an_address_that_may_lead_elsewhere(host: str) -> None:
    assert not is_here(host)
