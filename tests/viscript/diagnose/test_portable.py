import fcntl
import os
import socket
from pathlib import Path

import psutil
import pytest

from viscript.diagnose.portable import PortableHolders


def test_our_own_sockets_are_found_in_our_hands() -> None:
    holders = PortableHolders()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        for one, protocol in ((server, "tcp"), (datagrams, "udp")):
            port = one.getsockname()[1]
            (found,) = [row for row in holders.bound() if row.port == port and row.protocol == protocol]
            assert found.host == "127.0.0.1"
            assert list(holders.of_socket(found)) == [os.getpid()]


def test_a_connection_is_no_listener() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        ports = {row.port for row in PortableHolders().bound()}
        assert server.getsockname()[1] in ports
        assert client.getsockname()[1] not in ports


def test_a_locked_file_is_found_in_our_hands(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert list(PortableHolders().of_path(str(path))) == []
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert list(PortableHolders().of_path(str(path))) == [os.getpid()]
    assert list(PortableHolders().of_path(str(path))) == []


def test_a_unix_socket_is_found_in_our_hands(short_tmp: Path) -> None:
    path = str(short_tmp / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert list(PortableHolders().of_path(path)) == [os.getpid()]


def test_processes_have_names() -> None:
    assert PortableHolders().name(os.getpid())
    assert PortableHolders().name(2**30) == ""


def test_where_the_host_is_not_shown_our_own_processes_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(kind: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refused)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert server.getsockname()[1] in {row.port for row in PortableHolders().bound()}
