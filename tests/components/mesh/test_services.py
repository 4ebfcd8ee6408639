"""The client of the node managers, against real ones: all of it, several of them, and lies."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
import pytest

from components.mesh import forms, paths
from components.mesh.caller import Denied
from components.mesh.entry import Server
from components.mesh.errors import CallerError, PeerError, TagError, Unreachable, WireError
from components.mesh.forms import Offer, RouteHop, RouteOptions, Status
from components.mesh.keys import hex66
from components.mesh.services import Services, _path
from components.node_manager.ledger import TransportRow, put
from tests.support.manager import Manager, down, link, managing, node, person

ONE, TWO, THREE = person(1), person(2), person(3)
LINK = link(ONE, TWO)


@pytest.fixture
async def managers() -> AsyncIterator[list[Manager]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(managing()) for _ in range(2)]


@pytest.fixture
async def services(managers: list[Manager]) -> AsyncIterator[Services]:
    async with Services(ONE, [each.url for each in managers], timeout_s=20) as client:
        yield client


async def test_a_node_is_registered_renewed_found_and_removed(services: Services) -> None:
    for _ in range(2):
        assert await services.register_node(node(ONE, 77, server=Server("a:1", 3))) == 2
    found = await services.node(ONE.public_key)
    assert (found.sequence, found.server) == (1, Server("a:1", 3))
    assert await services.servers() == await services.servers(available=False) == (found,)
    assert await services.remove_node() == 2
    with pytest.raises(Denied, match="not found"):
        await services.node(ONE.public_key)


async def test_a_new_client_goes_on_where_the_last_one_stopped(
    services: Services, managers: list[Manager]
) -> None:
    await services.register_node(node(ONE))
    async with Services(ONE, [managers[0].url], timeout_s=20) as again:
        assert await again.register_node(node(ONE)) == 1
        assert (await again.node(ONE.public_key)).sequence == 1


async def test_transports_are_registered_reported_found_and_removed(services: Services) -> None:
    assert await services.register_transports([LINK]) == 2
    assert (await services.transport(LINK.entry.t_id)).is_up
    assert await services.report([down(LINK), Status(t_id="x", is_up=True)]) == {"x"}
    assert [each.is_up for each in await services.transports_of(TWO.public_key)] == [False]
    assert await services.remove_transport(LINK.entry.t_id) == 2
    assert await services.transports_of(TWO.public_key) == ()


async def test_many_are_sent_in_parts_and_read_in_pages(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MOST_IN_BODY", 2)
    links = [link(ONE, person(number)) for number in range(10, 15)]
    assert await services.register_transports(links) == 2
    monkeypatch.setattr("components.node_manager.limits.PAGE", 2)
    found = await services.all_transports()
    assert [each.entry.t_id for each in found] == sorted(each.entry.t_id for each in links)
    graph = paths.Graph(forms.edges(found))
    assert len(paths.shortest(graph, person(10).public_key, person(11).public_key)[0]) == 2


async def test_routes_are_found(services: Services, managers: list[Manager]) -> None:
    await services.register_transports([link(ONE, TWO), link(ONE, THREE)])
    (path,) = await services.routes(TWO.public_key, THREE.public_key)
    assert [hop.end for hop in path] == [ONE.public_key, THREE.public_key]
    with pytest.raises(Denied, match="no route"):
        await services.routes(TWO.public_key, THREE.public_key, RouteOptions(min_hops=3))


async def test_services_are_offered_found_and_withdrawn(services: Services) -> None:
    offer = Offer(address=f"{hex66(ONE.public_key)}:44", type="vpn")
    assert await services.offer(offer) == 2
    assert [each.address for each in await services.services("vpn")] == [offer.address]
    assert await services.services("chat") == ()
    assert len(await services.services()) == 1
    assert [each.online for each in await services.uptimes([ONE.public_key, TWO.public_key])] == [True]
    assert await services.withdraw(offer.address, "vpn") == 2
    with pytest.raises(Denied, match="there is no service"):
        await services.withdraw(offer.address)


async def test_one_that_is_away_is_passed_over(managers: list[Manager]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        gone = f"http://127.0.0.1:{holder.getsockname()[1]}"
    async with Services(ONE, [gone, managers[0].url], timeout_s=20) as services:
        assert await services.register_transports([LINK]) == 1
        assert len(await services.all_transports()) == 1
    async with Services(ONE, [gone], timeout_s=20) as services:
        with pytest.raises(Unreachable):
            await services.register_transports([LINK])
        with pytest.raises(Unreachable):
            await services.all_transports()


async def test_one_that_is_frozen_is_not_waited_for(managers: list[Manager]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        silent = f"http://127.0.0.1:{frozen.getsockname()[1]}"
        async with Services(ONE, [silent, managers[0].url], timeout_s=20) as services, asyncio.timeout(10):
            assert await services.all_transports() == ()
            assert await services.all_transports() == ()


async def test_a_service_that_lies_is_not_believed(services: Services, managers: list[Manager]) -> None:
    forged = msgspec.structs.replace(LINK, signatures=("00" * 64, "00" * 64))
    for manager in managers:
        manager.desk.ledger.apply([put(LINK.entry.t_id, TransportRow(ends=2e9, signed=forged))])
    for ask in (
        services.all_transports(),
        services.transport(LINK.entry.t_id),
        services.transports_of(ONE.public_key),
    ):
        with pytest.raises(TagError):
            await ask


async def test_the_entry_of_another_is_not_believed(services: Services, managers: list[Manager]) -> None:
    await services.register_node(node(ONE))
    for manager in managers:
        rows = manager.desk.ledger.nodes
        rows[hex66(TWO.public_key)] = rows[hex66(ONE.public_key)]
    with pytest.raises(WireError, match="answered with the entry of"):
        await services.node(TWO.public_key)


async def test_what_every_service_refuses_is_told(services: Services) -> None:
    with pytest.raises(Denied, match="no edge"):
        await services.register_transports([link(TWO, THREE)])
    with pytest.raises(PeerError):
        await services.offer(Offer(address=f"{hex66(TWO.public_key)}:44", type="vpn"))


A, B, C = (hex66(who.public_key) for who in (ONE, TWO, THREE))


@pytest.mark.parametrize(
    "hops",
    [
        [],
        [("t", A, B)],
        [("t", B, C)],
        [("t", A, B), ("t", A, C)],
        [("t", A, C), ("t", C, C)],
        [("t", A, "x"), ("t", "x", C)],
        [("t", A, C)],
        [("t", A, B)] * 16,
    ],
)
def test_a_route_that_was_not_asked_for_is_refused(hops: list[tuple[str, str, str]]) -> None:
    route = [RouteHop(*hop) for hop in hops]
    with pytest.raises(WireError):
        _path(route, ONE.public_key, THREE.public_key, RouteOptions(min_hops=2))


@pytest.mark.parametrize("urls", [[], ["http://a"] * 9])
def test_too_few_or_too_many_are_the_callers_error(urls: list[str]) -> None:
    with pytest.raises(CallerError, match="1 to 8 node managers"):
        Services(ONE, urls)
