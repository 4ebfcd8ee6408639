"""Node entries by way of the bus: node managers that come, move and go while a setup node runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from components.mesh.errors import Unreachable
from components.mesh.services import Services
from components.node_manager.setup import directory
from components.node_manager.setup.directory import Directory
from signal_bus.errors import BusError
from signal_bus.ids import Generation, SeqId
from signal_bus.messages import Service
from tests.support.manager import managing, node, person

ONE, TWO = person(1), person(2)


class Bus:
    """Answers `find` with what the test put there."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.broken = False

    async def find(self, name: str = "", *, kind: str = "") -> tuple[Service, ...]:
        assert kind == "node-manager"
        if self.broken:
            raise BusError("the server is gone")
        return tuple(Service("node-manager", kind, each, SeqId(1), Generation(1)) for each in self.addresses)


@asynccontextmanager
async def looking(*addresses: str) -> AsyncIterator[tuple[Bus, Directory]]:
    """A directory on a bus where these addresses are offered."""
    bus = Bus(*addresses)
    async with Directory(TWO, bus) as found:
        yield bus, found


async def test_an_entry_comes_from_who_offers_itself() -> None:
    async with managing() as served, Services(ONE, [served.url]) as services:
        await services.register_node(node(ONE))
        async with looking("nonsense", served.url) as (_, found):
            assert (await found.entry(ONE.public_key)).alias == node(ONE).alias


async def test_nobody_on_the_bus_is_told() -> None:
    async with looking() as (_, found):
        with pytest.raises(Unreachable, match="no directory is configured"):
            await found.entry(ONE.public_key)


async def test_a_bus_that_does_not_answer_is_told() -> None:
    async with looking() as (bus, found):
        bus.broken = True
        with pytest.raises(Unreachable, match="the server is gone"):
            await found.entry(ONE.public_key)


async def test_one_that_moved_is_found_again_and_clients_are_not_heaped_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "MOST_KEPT", 1)
    async with looking("http://127.0.0.1:9") as (bus, found):
        with pytest.raises(Unreachable):
            await found.entry(ONE.public_key)
        async with managing() as served, Services(ONE, [served.url]) as services:
            await services.register_node(node(ONE))
            bus.addresses = (served.url,)
            assert (await found.entry(ONE.public_key)).alias == node(ONE).alias
            assert list(found._kept) == [(served.url,)]
