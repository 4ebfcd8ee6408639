import socket

import pytest

from components.visor.kit.nearby import at_once
from tests.support.silent_host import silent


@pytest.fixture
def sock() -> socket.socket:
    made = socket.socket()
    made.setblocking(False)
    return made


def test_what_is_near_is_connected_to_without_waiting(sock: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, sock:
        assert at_once(sock, server.getsockname())
        assert sock.getpeername() == server.getsockname()


def test_where_nobody_listens_that_is_told_at_once(sock: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = server.getsockname()
    with sock, pytest.raises(ConnectionRefusedError):
        at_once(sock, where)


def test_what_does_not_answer_is_to_be_waited_for(sock: socket.socket) -> None:
    with silent() as where, sock:
        assert not at_once(sock, where)


def test_datagrams_have_their_peer_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        assert at_once(sock, ("127.0.0.1", 9))
