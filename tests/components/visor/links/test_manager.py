import asyncio
import logging
import os
import socket
import uuid
from itertools import islice
from pathlib import Path

import pytest

from components.mesh.doors import Bounds, bind
from components.mesh.errors import Busy, CallerError, Refused
from components.mesh.frame import FrameType
from components.mesh.ports import MeshPort
from components.mesh.session import Visitor, dial
from components.mesh.transport import Label, SignedEntry, TransportType, check, transport_id
from components.visor.links import manager as module
from components.visor.links.api import Relay
from components.visor.links.manager import Links, NoTransport
from components.visor.links.store import Kept, Store, StoreError
from components.visor.plane.router import Router
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from signal_bus.testing import until
from tests.support.links import Book, Exchange, Node, identities, node, silent_listener

ONE, TWO, THREE = islice(identities(), 3)
STCPR = transport_id(ONE.public_key, TWO.public_key, TransportType.STCPR)
ASKED_AND_ANSWERED = 30  # bytes each way, when both ends of a new link have measured it
DMSG = transport_id(ONE.public_key, TWO.public_key, TransportType.DMSG)


async def linked(*nodes: Node) -> None:
    """Wait until each has one link that stands."""
    await until(lambda: all(each.up == len(each.router.links) == 1 for each in nodes))


async def test_a_dialled_address_gives_both_ends_the_same_transport() -> None:
    async with node(ONE) as one, node(TWO) as two:
        assert await one.links.add(TWO.public_key, two.address) == STCPR
        await linked(one, two)
        (ours,), (theirs,) = one.links.rows(), two.links.rows()
        assert (ours.id, ours.type, ours.public_key) == (str(STCPR), "stcpr", TWO.name)
        assert (ours.label, ours.persistent, ours.up, ours.reason) == ("user", True, True, "")
        assert (theirs.id, theirs.label, theirs.persistent) == (str(STCPR), "automatic", False)
        assert ours.address == two.address
        link = one.links.by_id(STCPR)
        assert link is not None
        assert one.links.by_peer(TWO.public_key) == [link]
        (entry,) = one.links.entries()
        assert two.links.entries() == [entry]
        assert set(check(entry)) == {ONE.public_key, TWO.public_key}


async def test_changes_are_told_and_a_watcher_that_fails_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    async with node(ONE) as one, node(TWO) as two:
        unwatch = one.links.watch(broken)
        await one.links.add(TWO.public_key, two.address)
        await linked(one, two)
        assert "a watcher failed" in caplog.text
        unwatch()
        await one.links.remove(STCPR)
        await until(lambda: not two.links.rows())
        assert [(each.id, each.link is not None) for each in one.told] == [(STCPR, True), (STCPR, False)]
        assert one.told[-1].reason == "the transport was removed"
        assert two.told[-1].reason == "the neighbour hung up"
        assert one.links.rows() == []


async def test_a_peer_that_comes_back_is_dialled_again() -> None:
    async with node(ONE) as one:
        async with node(TWO) as two:
            port = int(two.address.rpartition(":")[2])
            await one.links.add(TWO.public_key, two.address)
            await linked(one, two)
        await until(lambda: not one.up and "refused" in one.links.rows()[0].reason)
        async with node(TWO, port=port) as two:
            await linked(one, two)


@pytest.mark.parametrize("turns", range(12))
@pytest.mark.parametrize("order", [1, -1])
async def test_both_dial_at_once_and_one_link_stays(order: int, turns: int) -> None:
    async with node(ONE) as one, node(TWO) as two:
        (first, _), (second, _) = pairs = ((one, two), (two, one))[::order]
        for each, other in pairs:
            await each.links.add(other.key, other.address)
            for _ in range(turns):
                await asyncio.sleep(0)
        await linked(one, two)
        assert all(change.link is not None for each in (first, second) for change in each.told)
        assert one.links.rows()[0].id == two.links.rows()[0].id
        assert all(each.links.rows()[0].label == "user" for each in (one, two))


async def test_addresses_come_from_the_directory() -> None:
    async with node(TWO) as two:
        book = Book({TWO.public_key: ("127.0.0.1:1", two.address)})
        async with node(ONE, directory=book) as one:
            await one.links.add(TWO.public_key)
            await linked(one, two)


async def test_a_messenger_is_the_way_where_no_address_works() -> None:
    async with asyncio.TaskGroup() as tasks:
        exchange = Exchange(tasks)
        async with node(ONE, relay=exchange.relay()) as one, node(TWO, relay=exchange.relay()) as two:
            exchange.nodes[TWO.public_key] = TWO, two.links
            assert await one.links.add(TWO.public_key) == DMSG
            await linked(one, two)
            assert [row.type for row in one.links.rows()] == ["dmsg"]
            await two.links.add(ONE.public_key, one.address)
            await until(lambda: one.up == two.up == 2)
            direct, relayed = one.links.by_id(STCPR), one.links.by_id(DMSG)
            assert one.links.by_peer(TWO.public_key) == [direct, relayed]


@pytest.fixture
def nobody() -> Relay:
    """A relay that reaches no one."""
    return Exchange(asyncio.TaskGroup()).relay()


async def test_where_no_way_works_the_direct_one_is_tried_on(nobody: Relay) -> None:
    async with node(ONE, relay=nobody) as one:
        assert await one.links.add(TWO.public_key) == STCPR
        await until(lambda: "no address of it is known" in one.links.rows()[0].reason)
        assert len(one.links.rows()) == 1


async def test_a_choice_that_takes_too_long_goes_on_to_the_next(
    monkeypatch: pytest.MonkeyPatch, nobody: Relay
) -> None:
    monkeypatch.setattr(module, "TRIED_S", 0.001)
    with silent_listener() as address:
        async with node(ONE, directory=Book({TWO.public_key: (address,)}), relay=nobody) as one:
            assert await one.links.add(TWO.public_key) == STCPR


@pytest.mark.parametrize(
    "peer, address, type, match",
    [
        (ONE.public_key, None, None, "two ends"),
        (TWO.public_key, "nowhere", None, "no address"),
        (TWO.public_key, None, TransportType.DMSG, "no messenger is known"),
    ],
)
async def test_what_cannot_be_is_refused_at_once(
    peer: bytes, address: str | None, type: TransportType | None, match: str
) -> None:
    async with node(ONE) as one:
        with pytest.raises(CallerError, match=match):
            await one.links.add(PublicKey(peer), address, type)


async def test_an_address_for_a_messenger_is_refused(nobody: Relay) -> None:
    async with node(ONE, relay=nobody) as one:
        with pytest.raises(CallerError, match="of no use"):
            await one.links.add(TWO.public_key, "a:1", TransportType.DMSG)


async def test_what_is_not_here_cannot_be_removed() -> None:
    async with node(ONE) as one:
        with pytest.raises(NoTransport, match="no transport"):
            await one.links.remove(STCPR)
        assert one.links.by_id(STCPR) is None


async def test_transports_have_a_bound_for_users_and_for_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRANSPORTS", 0)
    async with node(ONE) as one:
        with pytest.raises(Busy, match="transports"):
            await one.links.add(TWO.public_key, "127.0.0.1:1")
        monkeypatch.setattr(module, "TRANSPORTS", 1)
        async with node(TWO) as two, node(THREE) as three:
            await two.links.add(ONE.public_key, one.address)
            await linked(one, two)
            await three.links.add(ONE.public_key, one.address)
            await until(lambda: "busy" in three.links.rows()[0].reason)


async def test_who_is_not_allowed_is_told_so() -> None:
    async with node(ONE, allow=lambda peer: peer == THREE.public_key) as one, node(TWO) as two:
        await two.links.add(ONE.public_key, one.address)
        await until(lambda: "not-allowed" in two.links.rows()[0].reason)
        assert one.links.rows() == []


async def test_a_request_of_another_form_is_refused() -> None:
    async with node(ONE) as one:
        assert one.links.address is not None
        with pytest.raises(Refused, match="bad-request"):
            await dial(one.links.address, TWO, ONE.public_key, MeshPort.LINK)
        assert one.links.rows() == []


async def test_persistent_transports_are_wanted_again_after_a_restart(tmp_path: Path) -> None:
    async with node(TWO) as two:
        async with node(ONE, folder=tmp_path) as one:
            await one.links.add(TWO.public_key, two.address)
            await one.links.add(THREE.public_key, "127.0.0.1:1", persistent=False)
        await until(lambda: not two.links.rows())
        async with node(ONE, folder=tmp_path) as one:
            await linked(one, two)
            (row,) = one.links.rows()
            assert (row.persistent, row.address) == (True, two.address)
            await one.links.remove(STCPR)
        async with node(ONE, folder=tmp_path) as one:
            assert one.links.rows() == []


async def test_bytes_are_logged_by_transport_and_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.001)
    async with node(ONE, folder=tmp_path) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, two.address)
        await linked(one, two)
        link = one.links.by_id(STCPR)
        assert link is not None
        await until(lambda: link.sent_bytes == link.received_bytes == ASKED_AND_ANSWERED)
        await one.links.remove(STCPR)
        (row,) = await one.links.moved()
        assert (row.id, row.sent_bytes, row.received_bytes) == (STCPR, ASKED_AND_ANSWERED, ASKED_AND_ANSWERED)
    async with node(ONE, folder=tmp_path) as one:
        assert await one.links.moved() == [row]


async def test_a_disk_that_fails_costs_no_bytes_and_no_link(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.001)
    faults = 0

    async def fails(*_: object) -> None:
        nonlocal faults
        faults += 1
        raise StoreError("transports.db: disk full")

    async with node(ONE) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, two.address)
        await linked(one, two)
        link = one.links.by_id(STCPR)
        assert link is not None
        await until(lambda: link.sent_bytes == link.received_bytes == ASKED_AND_ANSWERED)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "add_bytes", fails)
            link.tell(FrameType.PING, 0, bytes(8))
            await until(lambda: faults > 2)
        assert "they are kept" in caplog.text
        (row,) = await one.links.moved()
        assert row.sent_bytes == ASKED_AND_ANSWERED + 15
        monkeypatch.setattr(Store, "add_bytes", fails)
        link.tell(FrameType.PING, 0, bytes(8))
        await until(lambda: link.received_bytes == ASKED_AND_ANSWERED + 30)
    assert "could not be written: transports.db" in caplog.text


async def test_what_cannot_be_remembered_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: object, kept: Kept) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(Store, "keep", fails)
    async with node(ONE) as one:
        with pytest.raises(StoreError):
            await one.links.add(TWO.public_key, "127.0.0.1:1")
        assert [row.persistent for row in one.links.rows()] == [False]


class Noting:
    """A registrar that remembers, or never answers."""

    def __init__(self, *, silent: bool = False) -> None:
        self.said: list[object] = []
        self.rtt_us = 0
        self._silent = silent

    async def register(self, entry: SignedEntry) -> None:
        if self._silent:
            self.said.append("asked")
            await asyncio.Event().wait()
        self.said.append(entry.entry.t_id)

    async def status(self, id: uuid.UUID, up: bool, rtt_us: int = 0) -> None:
        self.said.append((id, up))
        self.rtt_us = rtt_us


async def test_the_registrar_hears_of_ups_and_of_the_end() -> None:
    registrar = Noting()
    async with node(TWO) as two, node(ONE, registrar=registrar) as one:
        await one.links.add(TWO.public_key, two.address)
        await linked(one, two)
        await until(lambda: len(registrar.said) == 2)
    assert registrar.said == [str(STCPR), (STCPR, True), (STCPR, False)]


async def test_the_registrar_hears_how_far_a_neighbour_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEASURE_S", 0.001)
    registrar = Noting()
    async with node(TWO) as two, node(ONE, registrar=registrar) as one:
        await one.links.add(TWO.public_key, two.address)
        await until(lambda: registrar.rtt_us)
        link = one.links.by_id(STCPR)
        assert link is not None
        assert link.rtt_s is not None
        assert registrar.rtt_us == max(1, round(link.rtt_s * 1e6))


async def test_a_registrar_that_never_answers_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "GOODBYE_S", 0.001)
    caplog.set_level(logging.INFO)
    registrar = Noting(silent=True)
    async with node(TWO) as two, node(ONE, registrar=registrar) as one:
        await one.links.add(TWO.public_key, two.address)
        await until(lambda: registrar.said)
        await linked(one, two)
    assert "not all was registered" in caplog.text


async def test_stopping_during_a_dial_leaves_no_task_and_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with silent_listener() as address:
        async with asyncio.timeout(3):
            async with node(ONE) as one:
                await one.links.add(TWO.public_key, address)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) == before
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_comings_and_goings_leak_nothing() -> None:
    async with node(ONE) as one, node(TWO) as two:
        counts = []
        for _ in range(8):
            await one.links.add(TWO.public_key, two.address)
            await linked(one, two)
            await one.links.remove(STCPR)
            await until(lambda: not two.links.rows() and not two.router.links)
            counts.append((len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())))
        assert counts[-1] == counts[0]


async def test_a_flood_of_half_open_connections_keeps_no_neighbour_out() -> None:
    bounds = Bounds(half_open=64, half_open_each=16)
    async with node(ONE, bounds=bounds) as one, node(TWO) as two:
        assert one.links.address is not None
        flood = [
            socket.create_connection(one.links.address, source_address=("127.0.0.2", 0)) for _ in range(100)
        ]
        try:
            await two.links.add(ONE.public_key, one.address)
            await linked(one, two)
        finally:
            for sock in flood:
                sock.close()


async def test_doors_of_other_ports_stand_beside_that_of_links() -> None:
    async def door(visitor: Visitor) -> None:
        await visitor.refuse("enough")

    router = Router(asyncio.get_running_loop())
    async with Links(ONE, router, doors={MeshPort.SETUP_HOP: door}, listener=bind("127.0.0.1", 0)) as links:
        assert links.doors_of(TransportType.DMSG).keys() == {MeshPort.SETUP_HOP, MeshPort.LINK}
        assert links.address is not None
        with pytest.raises(Refused, match="enough"):
            await dial(links.address, TWO, ONE.public_key, MeshPort.SETUP_HOP)
    router.close()


async def test_a_node_without_a_listener_has_no_address() -> None:
    async with node(ONE, port=None) as one:
        assert one.links.address is None


async def test_what_is_up_is_registered_again_before_its_lease_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_S", 0.001)
    registrar = Noting()
    async with node(ONE, registrar=registrar) as one, node(TWO) as two:
        await one.links.add(TWO.public_key, two.address)
        await until(lambda: registrar.said.count(str(STCPR)) > 3)
    assert registrar.said[-1] == (STCPR, False)


async def test_two_hundred_links_at_once() -> None:
    callers = list(islice(identities(), 1, 201))
    async with asyncio.timeout(60), node(ONE) as hub:
        async with asyncio.TaskGroup() as tasks:
            release = asyncio.Event()

            async def caller(identity: Identity) -> None:
                async with node(identity, port=None) as one:
                    await one.links.add(ONE.public_key, hub.address, label=Label.AUTOMATIC)
                    await release.wait()

            for identity in callers:
                tasks.create_task(caller(identity))
            await until(lambda: hub.up == len(callers), deadline_s=50)
            release.set()
        await until(lambda: not hub.links.rows())
