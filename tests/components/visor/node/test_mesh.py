import asyncio
import socket

import pytest

from components.mesh.errors import MeshError, Unreachable
from components.mesh.ports import AppPort
from components.visor.apps.dialler import Offer
from components.visor.groups.path import Policy
from components.visor.node import mesh as mesh_module
from components.visor.node.mesh import Inbound, Mesh
from components.visor.plane.streams.api import Code
from signal_bus.ids import PublicKey
from tests.support.joints import app_pair
from tests.support.small_mesh import Node, SmallMesh


class Apps:
    """Notes what comes, and takes every stream."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, int, bytes]] = []
        self.taken: list[socket.socket] = []

    def offered(self, offer: Offer) -> None:
        ours, theirs = app_pair()
        if offer.accept(theirs, lambda code: None) is not None:
            self.taken.append(ours)

    def message(self, peer: PublicKey, port: int, source: int, body: bytes | memoryview) -> bool:
        self.messages.append((port, source, bytes(body)))
        return True


def put(small: SmallMesh, node: Node) -> tuple[Mesh, Apps]:
    """The mesh of a node in place of the node's own."""
    mesh, apps = Mesh(node.key, small.tasks), Apps()
    mesh.between(node.groups, apps)
    node.groups._taker = Inbound(mesh)
    return mesh, apps


async def test_streams_messages_and_pings_go_their_ways() -> None:
    async with SmallMesh() as small:
        one, other = small.node(), small.node()
        small.link(one, other)
        (near, _), (_, apps) = put(small, one), put(small, other)
        ours, theirs = app_pair()
        stream = await near.dial(other.key, 7, 50000, Policy(), theirs, lambda code: None)
        assert near.message(other.key, 9, 1, Policy(), b"hello")
        async with asyncio.timeout(5):
            while not (apps.messages and apps.taken):
                await asyncio.sleep(0.005)
        assert apps.messages == [(9, 1, b"hello")]
        assert (await near.pinger.ping(await near.group(other.key, Policy()))).lost == 0
        assert near.message(other.key, AppPort.PING, 1, Policy(), b"nonsense")
        stream.reset(Code.GONE)
        for sock in (ours, *apps.taken):
            sock.close()


async def test_a_dial_that_fails_closes_the_socket_it_was_given() -> None:
    async with SmallMesh() as small:
        one, other = small.node(), small.node()
        near, _ = put(small, one)
        await near.link(other.key)  # nobody makes one
        ours, theirs = app_pair()
        with pytest.raises(Unreachable):
            await near.dial(other.key, 7, 50000, Policy(), theirs, lambda code: None)
        assert theirs.fileno() == -1
        ours.close()


async def test_before_the_node_runs_nothing_is_taken() -> None:
    async with SmallMesh() as small:
        one, other = small.node(), small.node()
        small.link(one, other)
        mesh = Mesh(other.key, small.tasks)
        other.groups._taker = Inbound(mesh)
        with pytest.raises(MeshError, match="does not run"):
            await mesh.group(one.key, Policy())
        with pytest.raises(MeshError, match="does not run"):
            await mesh.link(one.key)
        near, _ = put(small, one)
        ours, theirs = app_pair()
        with pytest.raises(MeshError, match="nobody listens"):
            await near.dial(other.key, 7, 50000, Policy(), theirs, lambda code: None)
        ours.close()


async def test_messages_that_wait_for_a_route_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_module, "MESSAGES_WAITING", 3)
    async with SmallMesh() as small:
        one, other = small.node(), small.node()
        near, _ = put(small, one)
        sent = [near.message(other.key, 9, 1, Policy(), b"x") for _ in range(5)]
        assert sent == [True, True, True, False, False]
        async with asyncio.timeout(5):
            while near._waiting:
                await asyncio.sleep(0.005)
