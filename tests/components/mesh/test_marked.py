"""The mark on the sockets of the mesh."""

import socket
from typing import Any

import pytest

from components.mesh import marked
from components.mesh.doors import bind
from components.mesh.session import connect


def mark_of(sock: socket.socket) -> int:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_MARK)


async def test_both_ends_of_a_connection_are_marked() -> None:
    with bind("127.0.0.1", 0) as listener, await connect(listener.getsockname()) as ours:
        listener.setblocking(True)
        with listener.accept()[0] as accepted:
            assert [mark_of(sock) for sock in (listener, ours, accepted)] == [marked.MARK] * 3


def test_a_socket_for_http_is_marked() -> None:
    info: tuple[Any, ...] = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))
    with marked.marked_socket(info) as sock:
        assert mark_of(sock) == marked.MARK


def test_who_may_not_mark_goes_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert marked.own_mark() == marked.MARK
    monkeypatch.setattr(marked, "_OPTION", 9999)  # an option that no kernel knows
    assert marked.own_mark() == 0
    monkeypatch.setattr(marked, "_OPTION", None)
    assert marked.own_mark() == 0
