"""What all apps of a visor share: nobody there means no."""

import asyncio
import socket

import pytest

from components.mesh.errors import BadKey
from components.visor.apps.messages import Datagram
from components.visor.apps.node import Node, only_keys
from tests.support.appnet import Mesh
from tests.support.mesh import ALICE


async def test_a_socket_for_a_port_without_listener_is_closed() -> None:
    node = Node(Mesh(ALICE), asyncio.TaskGroup())
    ours, theirs = socket.socketpair()
    assert not node.connect(7, 1, theirs)
    assert theirs.fileno() == -1
    assert not node.deliver(Datagram(7, ALICE.public_key, 1, b"x"))
    ours.close()


def test_without_an_address_book_whole_keys_only_are_names() -> None:
    key = ALICE.public_key
    assert only_keys(key.hex()) == (key, "")
    with pytest.raises(BadKey):
        only_keys(key.hex()[:8])
