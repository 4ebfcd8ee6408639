"""Other clusters in a daemon: begun where the cluster's key is, ended when it is left."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey
from tests.support.audits import AuditInMemory
from tests.support.clusters import stream
from tests.support.fake_world import FakeWorld, instance
from tests.support.paired import until
from tests.support.rosters import card_of, host
from viscript.cluster.book import Book
from viscript.cluster.links.api import Caller, StreamRefused
from viscript.cluster.pairing.bymesh import NoMesh
from viscript.cluster.peering.errand import Came, Errand
from viscript.cluster.peering.framing import framed, message
from viscript.cluster.peering.gateway import Gateway
from viscript.cluster.peering.guest import Done
from viscript.cluster.peering.register import Register
from viscript.cluster.peering.seat import Order, pass_to
from viscript.cluster.peering.standing import Standing
from viscript.cluster.peering.terms import Ask, Share
from viscript.cluster.peering.warrant import warrant
from viscript.daemon.peering import PeeringSide
from viscript.daemon.tasks import Tasks
from viscript.errors import VerbError
from viscript.home import Home
from viscript.store.memory import Memory
from viscript.store.writer import StoreError
from viscript.verbs.table import Role

WEB = Share(apps=("web",))


class HomeWorld(FakeWorld):
    """With a home, and the peerings of a daemon."""

    home: Home


class Daemon:
    """One home, as far as other clusters concern it."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.world = HomeWorld(instance(1, "web"))
        self.world.audit = AuditInMemory()
        self.world.home = Home(str(folder), str(folder), str(folder))
        self.memory = Memory(folder / "s.db")
        self.memory.open()
        (folder / "keys").mkdir(exist_ok=True)
        self.book = Book(self.memory, Identity(draw()), folder / "keys" / "cluster.key")
        self.side = self.made(tasks)

    def made(self, tasks: Tasks) -> PeeringSide:
        hosts = ["10.0.0.1", "fd00::1"]
        return PeeringSide(
            self.world,  # type: ignore[arg-type]  # enough of one
            self.book,
            self.memory,
            tasks,
            label=lambda: "alpha",
            hosts=lambda: hosts,
            mesh=NoMesh,
        )

    async def found(self) -> Gateway:
        await self.book.found(card_of(self.book.identity), "alpha")
        await until(lambda: self.side.gateway is not None)
        assert self.side.gateway is not None
        return self.side.gateway

    def told(self) -> list[str]:
        return [event.type for event in self.world.events.since(1)]


async def carry(work: Coroutine[Any, Any, Any]) -> Any:
    return await work


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    async with Tasks() as made:
        yield made


@pytest.fixture
async def daemon(short_tmp: Path, tasks: Tasks) -> AsyncIterator[Daemon]:
    made = Daemon(short_tmp, tasks)
    await made.book.open()
    await made.side.begin(carry)
    yield made
    made.side.close()
    made.world.audit.close()
    made.memory.close()


async def test_a_home_alone_listens_to_nobody(daemon: Daemon, short_tmp: Path) -> None:
    assert daemon.world.peering is daemon.side
    assert daemon.side.gateway is None
    assert daemon.side.addresses() == ()
    assert not Path(daemon.world.home.clusters_socket).exists()


async def test_who_founds_a_cluster_is_its_gateway_also_after_a_restart(daemon: Daemon, tasks: Tasks) -> None:
    gateway = await daemon.found()
    await daemon.side.listen(gateway, None)
    port = gateway.gate.port
    assert daemon.side.addresses() == (f"tcp://10.0.0.1:{port}", f"tcp://[fd00::1]:{port}")
    await gateway.consent(host(2).public_key, WEB, name="bee")
    daemon.side.close()
    assert daemon.world.peering is None
    daemon.side = daemon.made(tasks)
    await daemon.side.begin(carry)
    assert daemon.side.gateway is not None
    assert daemon.side.gateway.gate.port == port
    assert daemon.side.gateway.register.find("bee").mine == WEB
    await daemon.side.deaf(daemon.side.gateway)
    assert daemon.side.addresses() == ()


async def test_who_leaves_forgets_all_of_it(daemon: Daemon) -> None:
    gateway = await daemon.found()
    await gateway.consent(host(2).public_key, WEB)
    await daemon.book.leave()
    assert daemon.side.gateway is None
    await until(lambda: not gateway.register.all())
    again = await daemon.found()
    assert again is not gateway
    assert again.register.all() == []


async def test_what_others_say_is_told_as_events(daemon: Daemon) -> None:
    gateway = await daemon.found()
    one = gateway.register.get(PublicKey(host(2).public_key))
    for standing in (Standing.ASKED, Standing.PEERED, Standing.REFUSED):
        one = msgspec.structs.replace(one, standing=standing, label="beta")
        await gateway.register.put(one)
    assert daemon.told() == ["peer.proposed", "peer.accepted", "peer.ended"]
    event = next(iter(daemon.world.events.since(1)))
    assert event.object == f"cluster/{host(2).name[:16]}"
    assert event.data == {"public_key": host(2).name, "label": "beta", "name": ""}


class Links:
    """A link to the daemon's own host, by the host with the key `caller`."""

    def __init__(self, daemon: Daemon, tasks: Tasks, caller: PublicKey) -> None:
        self.daemon, self.tasks, self.caller = daemon, tasks, caller

    async def open(self, _key: object, _kind: object, _deadline: object, meta: dict[str, str]) -> Any:
        near, far = stream()
        far.meta = meta
        caller = Caller(key=self.caller, label="gateway", role=Role.ADMIN)
        self.tasks.run(self.daemon.side.serve(far, caller))
        return near


ORDER = Order(cluster="3f" * 32, share=WEB, argv=("la",), timeout=5.0)


async def test_a_host_takes_the_orders_of_its_gateway(daemon: Daemon, tasks: Tasks) -> None:
    await daemon.found()
    links = Links(daemon, tasks, daemon.book.identity.public_key)
    done: Done = await pass_to(links, host_row(), ORDER, daemon.side._warrant())  # type: ignore[arg-type]  # enough of links
    assert done.code == 0


async def test_nobody_but_the_gateway_speaks_for_another_cluster(daemon: Daemon, tasks: Tasks) -> None:
    await daemon.found()
    theirs = host(7).public_key
    for caller, shown in (
        (theirs, ""),
        (theirs, "no hex"),
        (theirs, daemon.side._warrant()),  # of another host
        (theirs, warrant(host(8), theirs)),  # of another cluster
        (daemon.book.identity.public_key, ""),
    ):
        with pytest.raises(StreamRefused, match="only this cluster's gateway"):
            await pass_to(Links(daemon, tasks, caller), host_row(), ORDER, shown)  # type: ignore[arg-type]  # enough of links
    assert daemon.world.fake.asked == []


async def test_a_host_that_left_shows_no_warrant(daemon: Daemon) -> None:
    await daemon.found()
    await daemon.book.leave()
    assert daemon.side._warrant() == ""


async def test_a_host_that_is_not_the_gateway_asks_who_is(daemon: Daemon, tasks: Tasks) -> None:
    ask = Ask(selector="@all", argv=("la",), timeout=5.0)
    with pytest.raises(VerbError, match="in no cluster"):
        await daemon.side.ask("lab", ask, Role.ADMIN)
    near, far = stream()

    class Nobody:
        def hosts(self) -> list[Any]:
            return []

    daemon.world.links = Nobody()
    with pytest.raises(VerbError, match="no host that is there"):
        await daemon.side.ask("lab", ask, Role.ADMIN)
    caller = Caller(key=PublicKey(bytes(32)), label="m2", role=Role.ADMIN)
    serving = tasks.run(daemon.side.serve_errand(far, caller))
    await near.write(framed(Errand(cluster="lab", ask=ask)))
    assert not (await message(near, Came, 1000)).is_gateway
    await serving
    await daemon.found()
    assert (await daemon.side.ask("lab", ask, Role.ADMIN)).code == 5


def host_row() -> Any:
    class Row:
        key = PublicKey(bytes(32))

    return Row()


async def test_a_port_that_is_taken_keeps_no_daemon_from_starting(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("", 0)) as taken:
        await daemon.memory.set_value("peering.port", str(taken.getsockname()[1]).encode())
        gateway = await daemon.found()
    assert gateway.gate.port is None
    assert "cannot reach this one" in caplog.text


async def test_a_store_that_fails_is_said(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await daemon.found()

    async def broken(*args: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(gateway.register, "clear", broken)
    await daemon.book.leave()
    await until(lambda: "are not forgotten: the disk is full" in caplog.text)
    monkeypatch.setattr(daemon.memory, "records", broken)
    await daemon.book.found(card_of(daemon.book.identity), "alpha")
    await until(lambda: "not known for now: the disk is full" in caplog.text)
    assert daemon.side.gateway is None


async def test_who_leaves_while_its_gateway_opens_has_none(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, go_on, opened = asyncio.Event(), asyncio.Event(), Register.open

    async def slow(register: Register) -> None:
        opening.set()
        await go_on.wait()
        await opened(register)

    monkeypatch.setattr(Register, "open", slow)
    await daemon.book.found(card_of(daemon.book.identity), "alpha")
    await opening.wait()
    await daemon.book.leave()
    go_on.set()
    await until(lambda: not daemon.side._opening)
    assert daemon.side.gateway is None


async def test_a_bug_as_the_gateway_opens_ends_no_daemon(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(register: Register) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Register, "open", broken)
    await daemon.book.found(card_of(daemon.book.identity), "alpha")
    await until(lambda: "not known for now" in caplog.text)
    assert daemon.side.gateway is None


async def test_a_bug_in_the_gateway_ends_no_daemon(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[int] = []

    async def run(self: Gateway) -> None:
        runs.append(1)
        await asyncio.sleep(0)
        if len(runs) > 1:
            await asyncio.Event().wait()
        raise RuntimeError("a bug")

    monkeypatch.setattr(Gateway, "run", run)
    await daemon.found()
    await until(lambda: len(runs) == 2)
    assert "it begins anew" in caplog.text


async def test_a_port_that_is_not_ours_is_refused(daemon: Daemon) -> None:
    gateway = await daemon.found()
    await daemon.side.listen(gateway, None)
    with pytest.raises(VerbError, match="already"):
        await daemon.side.listen(gateway, 1)
