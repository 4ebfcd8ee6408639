"""Who holds an address: on a host that is made up, and on this one."""

import os
import socket
from pathlib import Path

from viscript.diagnose.bound import Bound
from viscript.diagnose.conflict import Conflict, FileConflict, PortConflict
from viscript.diagnose.occupied import occupied

APPS = {107: 7, 108: 8}


class FakeHolders:
    def __init__(self, *bound: Bound, paths: dict[str, tuple[int, ...]] | None = None) -> None:
        self._bound = bound
        self._paths = paths or {}

    def bound(self) -> tuple[Bound, ...]:
        return self._bound

    def of_socket(self, bound: Bound) -> tuple[int, ...]:
        return bound.pids

    def of_path(self, path: str) -> tuple[int, ...]:
        return self._paths.get(path, ())

    def name(self, pid: int) -> str:
        return f"program-{pid}"


def asked(*bound: Bound, address: str = "127.0.0.1:80", kind: str = "stream") -> Conflict | None:
    return occupied(address, kind, seq=7, seq_of=APPS.get, holders=FakeHolders(*bound))


def tcp(*pids: int, protocol: str = "tcp") -> Bound:
    return Bound(protocol, "127.0.0.1", 80, 1, pids)


def test_another_app_or_a_stranger_is_named() -> None:
    assert asked(tcp(108)) == PortConflict(port=80, pid=108, process="program-108", id=8)
    assert asked(tcp(99)) == PortConflict(port=80, pid=99, process="program-99")
    assert asked(tcp(99), address="0.0.0.0:80") == PortConflict(port=80, pid=99, process="program-99")


def test_the_app_itself_is_nobody() -> None:
    assert asked(tcp(99, 107)) is None  # the keeper holds it for the app


def test_whoever_cannot_be_seen_is_somebody() -> None:
    assert asked() == PortConflict(port=80)
    assert asked(tcp(99, protocol="udp")) == PortConflict(port=80)
    assert asked(tcp(99, protocol="udp6"), kind="datagram", address="[::1]:80") == PortConflict(
        port=80, pid=99, process="program-99"
    )


def test_a_path_has_its_holder() -> None:
    holders = FakeHolders(paths={"/run/web": (108,), "/run/own": (107,)})
    found = occupied("unix:/run/web", "stream", seq=7, seq_of=APPS.get, holders=holders)
    assert found == FileConflict(path="/run/web", pid=108, process="program-108", id=8)
    assert occupied("unix:/run/own", "stream", seq=7, seq_of=APPS.get, holders=holders) is None
    assert occupied("unix:/x", "stream", seq=7, seq_of=APPS.get, holders=holders) == FileConflict(path="/x")


def test_this_process_is_found(short_tmp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(short_tmp / "s"))
        local.listen()
        for address in (f"127.0.0.1:{server.getsockname()[1]}", f"unix:{short_tmp / 's'}"):
            found = occupied(address, "stream", seq=7, seq_of=lambda pid: None)
            assert found is not None
            assert found.pid == os.getpid()
