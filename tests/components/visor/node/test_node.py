"""Whole visors: apps talk over one hop, several hops, a messenger; with and without a node manager."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from components.mesh.errors import MeshError
from components.visor.app import App, DialError, PeerRefused, Refused, Stream, StreamReset
from components.visor.node import node as node_module
from components.visor.node.answers import Answers
from components.visor.node.network import Network
from components.visor.node.node import Node
from signal_bus.errors import RemoteError
from signal_bus.identity import Identity, draw
from tests.support.nodes import Mesh, link, mesh, row, until

MIB = 1 << 20


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    before = psutil.Process().num_fds()
    async with mesh(short_tmp) as whole:
        yield whole
    await until(lambda: psutil.Process().num_fds() <= before)


async def carried(near: App, far: App, peer: Node, size: int, *, min_hops: int = 1) -> None:
    """An app of one node sends to an app of another, which answers with the digest."""
    async with far.listen(7) as incoming:
        data = os.urandom(size)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            stream = await near.dial(peer.key, 7, min_hops=min_hops)
            group.create_task(pour(stream, data))
            accepted = await anext(aiter(incoming))
            got = await accepted.read()
            accepted.write(hashlib.sha256(got).digest())
            accepted.write_eof()
            assert await stream.read() == hashlib.sha256(data).digest()
        stream.close()
        accepted.close()


async def pour(stream: Stream, data: bytes) -> None:
    for at in range(0, len(data), 1 << 16):
        stream.write(data[at : at + (1 << 16)])
        await stream.drain()
    stream.write_eof()


async def known(nodes: list[Node], transports: int) -> None:
    """Until the node manager knows the links."""
    services = nodes[0].network.services
    assert services is not None
    async with asyncio.timeout(15):
        while sum(told.is_up for told in await services.all_transports()) < transports:
            await asyncio.sleep(0.02)


async def test_two_neighbours_need_nobody_else(made: Mesh) -> None:
    one, other = await row(made, 2)
    near, far = await made.app(one), await made.app(other)
    await carried(near, far, other, 2 * MIB)
    await carried(far, near, one, 1000)  # the other way round: nobody knows its address, the link is enough
    assert [entry["path"] for entry in await Answers(one).peers()] == ["neighbour"]


async def test_apps_talk_over_nodes_between(made: Mesh) -> None:
    await made.serve_manager()
    await made.serve_setup_node()
    nodes = await row(made, 4)
    near, far = await made.app(nodes[0]), await made.app(nodes[3])
    await known(nodes, 3)
    await carried(near, far, nodes[3], 2 * MIB)
    (route,) = [each for each in await Answers(nodes[0]).ways.routes() if not each["standby"]]
    assert route["hops"] == [nodes[1].key.hex(), nodes[2].key.hex()]
    assert (route["src"], route["dst"]) == (nodes[0].key.hex(), nodes[3].key.hex())
    assert {rule["kind"] for rule in await Answers(nodes[1]).ways.rules()} == {"forward"}
    assert (await Answers(nodes[0]).ways.find_route(nodes[2].key.hex()))[0]["names"][0] == "this node"
    assert len((await Answers(nodes[0]).mesh_map())["transports"]) >= 1


async def test_apps_name_peers_as_their_node_does(made: Mesh) -> None:
    one, other = await row(made, 2)
    one.book.name(other.key, "joe")
    app = await made.app(one)
    for text in ("joe", other.key.hex()[:6], other.key.hex()):
        assert (await app.meaning(text)).label == "joe"
    assert await app.resolve(one.key.hex()[:6]) == one.key


async def test_min_hops_is_kept_though_there_is_a_direct_link(made: Mesh) -> None:
    await made.serve_manager()
    await made.serve_setup_node()
    one, between, other = await row(made, 3)
    await link(one, other)
    await known([one, between, other], 3)
    near, far = await made.app(one), await made.app(other)
    await carried(near, far, other, 100_000, min_hops=2)
    assert [between.key.hex()] in [route["hops"] for route in await Answers(one).ways.routes()]


async def test_a_node_without_an_address_is_reached_by_a_messenger(made: Mesh) -> None:
    await made.serve_manager()
    await made.serve_messenger()
    one, hidden = await made.node(), await made.node()
    await until(lambda: one.relay.present and hidden.relay.present)
    async with asyncio.timeout(15):
        while hidden.key not in one.network._entries or one.network._entries[hidden.key].client is None:
            with suppress(MeshError):  # not announced yet
                await one.network.entry(hidden.key)
            await asyncio.sleep(0.02)
    added = await Answers(one).ways.add_transport(hidden.key.hex(), "dmsg")
    assert added["type"] == "dmsg"
    await until(lambda: one.links.by_peer(hidden.key))
    near, far = await made.app(one), await made.app(hidden)
    await carried(near, far, hidden, MIB)


async def test_nobody_there_is_said_clearly(made: Mesh) -> None:
    one, other = await row(made, 2)
    near = await made.app(one)
    with pytest.raises(PeerRefused, match="nobody listens on port 99"):
        await near.dial(other.key, 99)
    stranger = await made.node()
    with pytest.raises(DialError, match="no path to it is known"):
        await near.dial(stranger.key, 7)
    answers = Answers(one)
    with pytest.raises(RemoteError, match="nobody here is called"):
        await answers.ping("mike")
    with pytest.raises(RemoteError, match="no node manager is known"):
        await answers.services()
    with pytest.raises(RemoteError, match="0 transports begin with"):
        await answers.ways.remove_transport("zzz")
    with pytest.raises(RemoteError, match="a type of"):
        await answers.ways.add_transport(other.key.hex(), "pigeon")


async def test_a_stop_waits_for_its_tasks_before_it_closes_what_they_use(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bool] = []
    announcing = asyncio.Event()

    async def announce(network: Network, *what: object) -> None:
        announcing.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)  # as one that says goodbye
            assert network.services is not None
            exchange = network.services._callers[0]._exchange
            heard.append(exchange is not None and not exchange.closed)

    async with mesh(short_tmp) as made:
        await made.serve_manager()
        monkeypatch.setattr(Network, "announce", announce)
        await made.node()
        await announcing.wait()
    assert heard == [True]


async def test_an_app_of_another_host_is_taken_when_its_key_is_allowed(short_tmp: Path) -> None:
    away, stranger = Identity(draw()), Identity(draw())
    async with mesh(short_tmp) as made:
        node = await made.node(app_allow=frozenset({away.public_key}))
        assert node.address is not None
        where = "{}@{}:{}".format(node.key.hex(), *node.address)
        async with App.connect(where, identity=away) as app:
            assert app.key == node.key
        with pytest.raises(Refused, match="--app-allow"):
            async with App.connect(where, identity=stranger):
                raise AssertionError


async def test_a_drain_waits_for_what_apps_wrote_and_ends_their_streams(made: Mesh) -> None:
    one, other = await row(made, 2)
    near, far = await made.app(one), await made.app(other)
    async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
        listener = await far.listen(7)
        stream = await near.dial(other.key, 7)
        accepted = await listener.accept()
        stream.write(bytes(8 * MIB))
        reading = tasks.create_task(accepted.readexactly(8 * MIB))
        await stream.drain()
        await one.drain()
        await reading
        assert one.groups.idle
        with pytest.raises(StreamReset):
            await accepted.read()
        accepted.close()


async def test_a_drain_does_not_wait_for_long(made: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = await row(made, 2)
    near, far = await made.app(one), await made.app(other)
    async with asyncio.timeout(15):
        listener = await far.listen(7)
        stream = await near.dial(other.key, 7)
        accepted = await listener.accept()
        stream.write(bytes(8 * MIB))
        await until(lambda: not quiet(one))
        monkeypatch.setattr(node_module, "DRAIN_S", 0.1)
        await one.drain()
        stream.close()
        accepted.close()


def quiet(node: Node) -> bool:
    return node.groups.quiet
