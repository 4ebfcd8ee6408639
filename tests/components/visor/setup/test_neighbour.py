"""Routes of one hop, ordered over the link itself."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from components.mesh import payloads
from components.mesh.builder import RouteFailed
from components.mesh.channel import Message, Nothing
from components.mesh.errors import RemoteError, TimedOut, Unreachable, WireError
from components.mesh.frame import FrameType
from components.mesh.setup import INSTALL
from components.visor.plane.link import Link
from components.visor.plane.table import LINK_ROUTE
from components.visor.setup.direct import DirectSetup, signing
from components.visor.setup.neighbour import LinkCalls
from signal_bus.ids import PublicKey
from tests.support.setups import Visor, World, world


class FakeLinks:
    """The links of a visor by the key of who is there."""

    def __init__(self, visor: Visor, peer: Visor) -> None:
        self.visor, self.peer = visor, peer

    def by_peer(self, peer: PublicKey) -> list[Link]:
        return list(self.visor.links.values()) if peer == self.peer.key else []


@pytest.fixture
async def made() -> AsyncIterator[World]:
    async with world(2, frozenset(), direct=True, serve=False) as both:
        one, other = both.visors
        for visor, peer in ((one, other), (other, one)):
            for link in visor.links.values():
                link.peer = peer.key
        yield both


def calls(made: World) -> LinkCalls:
    one, other = made.visors
    both: list[LinkCalls] = []
    for visor, peer in ((one, other), (other, one)):
        links: Any = FakeLinks(visor, peer)
        both.append(LinkCalls(links, visor.agent))
        visor.router.heard = both[-1].heard
    return both[0]


async def setup(made: World) -> DirectSetup:
    own = made.visors[0].identity
    builder = await made.stack.enter_async_context(signing(calls(made), own))
    return DirectSetup(own.public_key, builder)


async def test_neighbours_need_no_setup_node(made: World) -> None:
    await (await setup(made)).create(made.wanted(), made.installs())
    near, far = made.visors[0].ends[0][1], made.visors[1].ends[0][1]
    near.send(b"x" * 30)
    await far.until(lambda: far.received == 30)
    assert made.visors[1].ends[0][0].initiator == made.visors[0].key


async def test_what_the_neighbour_refuses_is_told(made: World) -> None:
    made.visors[1].agent._direct = lambda caller: False
    with pytest.raises(RouteFailed) as caught:
        await (await setup(made)).create(made.wanted(), made.installs())
    assert caught.value.failure.reason == "not-allowed"


async def test_without_a_link_there_is_no_neighbour(made: World) -> None:
    link_calls = calls(made)
    with pytest.raises(Unreachable, match="no link"):
        await link_calls.call(PublicKey(b"x" * 32), INSTALL, None, Nothing, deadline_s=1)


async def test_a_neighbour_that_does_not_answer_is_left(made: World) -> None:
    link_calls = calls(made)
    made.visors[1].router.heard = lambda link, data: None
    with pytest.raises(TimedOut, match="install over the link"):
        await link_calls.call(made.visors[1].key, INSTALL, None, Nothing, deadline_s=0.05)
    assert link_calls._waiting == {}


@pytest.mark.parametrize(
    "method, body, code",
    [
        ("destroy", None, "unsupported"),
        ("install", Nothing(), "bad-request"),
        ("abort", Nothing(), "bad-request"),
    ],
)
async def test_what_makes_no_sense_is_answered(made: World, method: str, body: Any, code: str) -> None:
    with pytest.raises(RemoteError) as caught:
        await calls(made).call(made.visors[1].key, method, body, Nothing, deadline_s=5)
    assert caught.value.code == code


async def test_late_and_unasked_answers_are_dropped(made: World) -> None:
    link_calls = calls(made)
    link = next(iter(made.visors[0].links.values()))
    link_calls.heard(link, payloads.encode(Message(re=77)))
    link_calls.heard(link, payloads.encode(Message()))
    with pytest.raises(WireError):
        link_calls.heard(link, b"garbage")


async def test_garbage_closes_the_link(made: World) -> None:
    calls(made)
    near = next(iter(made.visors[0].links.values()))
    far = next(iter(made.visors[1].links.values()))
    near.tell(FrameType.HANDSHAKE, LINK_ROUTE, b"\xff\xff")
    async with asyncio.timeout(5):
        while not far.closed:
            await asyncio.sleep(0)
