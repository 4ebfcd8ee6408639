"""Only a connected stream socket is taken from an app."""

import os
import socket

import pytest

from components.visor.apps import handed
from components.visor.apps.errors import Refusal


def test_a_connected_socket_is_taken() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    taken = handed.taken(os.dup(client.fileno()))
    assert taken.getsockname() == client.getsockname()
    for sock in (listener, client, taken):
        sock.close()


def test_a_file_is_refused_and_closed() -> None:
    read, write = os.pipe()
    with pytest.raises(Refusal, match="no socket"):
        handed.taken(read)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(read)
    os.close(write)


@pytest.mark.parametrize(
    "family, type, what",
    [
        (socket.AF_INET, socket.SOCK_DGRAM, "no TCP"),
        (socket.AF_UNIX, socket.SOCK_SEQPACKET, "no TCP"),
        (socket.AF_INET, socket.SOCK_STREAM, "not connected"),
    ],
)
def test_other_sockets_are_refused(family: int, type: int, what: str) -> None:
    with socket.socket(family, type) as sock, pytest.raises(Refusal, match=what):
        handed.taken(os.dup(sock.fileno()))


def test_a_listener_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock, pytest.raises(Refusal, match="listening"):
        handed.taken(os.dup(sock.fileno()))


def test_an_app_may_write_further_ahead_than_the_kernel_lets_others() -> None:
    usual = socket.socketpair()
    room = []
    for app, mesh in (usual, handed.pair()):
        with app, mesh:
            room.append(app.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
    assert room[0] < room[1]


def test_a_pair_does_not_block_at_the_meshs_end() -> None:
    app, mesh = handed.pair()
    assert not mesh.getblocking()
    app.close()
    mesh.close()
