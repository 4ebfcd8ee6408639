"""Groups as the mesh of the apps: dials by policy, messages by what is open, offers to the server."""

import socket
from pathlib import Path
from typing import Any, cast

import pytest

from components.mesh.errors import Unreachable
from components.visor.apps.mesh import AppTaker, GroupDialler
from components.visor.groups.path import Policy
from components.visor.plane.joint import Joint
from tests.support.appnet import joined
from tests.support.mesh import ALICE, BOB, CAROL


class FakeGroups:
    """Knows one peer."""

    def __init__(self, joint: Joint) -> None:
        self.joint = joint
        self.asked: list[Policy] = []

    async def dial(self, peer: bytes, policy: Policy) -> Joint:
        self.asked.append(policy)
        if peer != self.joint.peer:
            raise Unreachable(peer.hex(), "no path")
        return self.joint

    def joints(self) -> list[Joint]:
        return [self.joint]


async def test_streams_and_messages_go_by_the_group_and_come_by_the_taker(short_tmp: Path) -> None:
    ours, theirs = socket.socketpair()
    async with joined(short_tmp) as net:
        joint, server = net.alice.joint, net.bob.server
        assert joint is not None
        assert server is not None
        taker = AppTaker()
        groups = FakeGroups(joint)
        dialler = GroupDialler(cast(Any, groups), ALICE.public_key)  # Any: a part of `Groups`
        with pytest.raises(Unreachable):
            await dialler.dial(CAROL.public_key, 7, 1, Policy(2), theirs, print)
        assert ours.recv(1) == b""
        assert groups.asked == [Policy(2)]
        assert dialler.message(BOB.public_key, 7, 1, Policy(), b"x")
        assert not dialler.message(CAROL.public_key, 7, 1, Policy(), b"x")
        taker.message(joint, 7, 1, memoryview(b"x"))
        taker.offered(joint, 99, 7, 1)
        taker.server = server
        taker.message(joint, 7, 1, memoryview(b"x"))
        taker.offered(joint, 99, 7, 1)
        again, given = socket.socketpair()
        with pytest.raises(Exception, match="nobody listens"):
            await dialler.dial(BOB.public_key, 7, 49152, Policy(), given, print)
    ours.close()
    again.close()
