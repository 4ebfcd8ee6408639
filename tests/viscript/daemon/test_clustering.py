"""The cluster's parts of a daemon: label, card, and who came and went."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signal_bus.identity import Identity, draw
from tests.support.fake_world import FakeWorld
from tests.support.rosters import host, vouched
from viscript.cluster.pairing.addresses import own_addresses
from viscript.cluster.pairing.inviting import Wish
from viscript.cluster.revoking import forget
from viscript.config.model import Cluster, Config
from viscript.daemon.clustering import Clustering, open_cluster
from viscript.daemon.tasks import Tasks
from viscript.daemon.world import host_name
from viscript.events import EventLog
from viscript.home import Home
from viscript.store.memory import Memory

B = host(2)


class Opened:
    """One home's cluster parts, and the events they told."""

    def __init__(self, clustering: Clustering, events: EventLog, world: FakeWorld) -> None:
        self.clustering, self.events, self.world = clustering, events, world

    def told(self) -> list[tuple[str, str]]:
        return [(event.type, event.object) for event in self.events.since(1)]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    memory, identity, events = Memory(tmp_path / "s.db"), Identity(draw()), EventLog("here")
    (tmp_path / "keys").mkdir()
    memory.open()
    world = FakeWorld()
    world.events = events
    world.home = Home(str(tmp_path), str(tmp_path), str(tmp_path))  # type: ignore[attr-defined]  # as the daemon's
    async with Tasks() as tasks:
        made = await open_cluster(world, memory, identity, tasks, list)  # type: ignore[arg-type]  # enough
        yield Opened(made, events, world)
        made.close()
    memory.close()


async def test_verbs_find_the_roster_and_pairing(opened: Opened) -> None:
    assert opened.world.book is opened.clustering.book
    assert opened.world.pairing is opened.clustering.pairing


async def test_a_host_has_its_own_name_until_the_cluster_gives_it_one(opened: Opened) -> None:
    assert opened.clustering.label() == host_name()
    cluster = host(0)
    own = opened.clustering.book.identity
    await opened.clustering.book.pin(cluster.public_key, [vouched(own, cluster, label="edge-7")])
    assert opened.clustering.label() == "edge-7"


async def test_the_card_is_this_hosts_own(opened: Opened) -> None:
    card = opened.clustering.linking.card()
    assert card.body.key == opened.clustering.book.identity.public_key
    assert card.body.curve == opened.clustering.book.identity.curve().public


async def test_who_comes_and_goes_is_told_and_ones_own_leaving_is_not(opened: Opened) -> None:
    book = opened.clustering.book
    await book.found(opened.clustering.linking.card().body, "alpha")
    signer = book.signer()
    assert signer is not None
    await book.take([vouched(B, signer, label="beta")])
    await forget(book, "beta")
    await book.leave()
    assert opened.told() == [("host.joined", "host/beta"), ("host.gone", "host/beta")]


async def test_a_code_leads_to_what_is_advertised(opened: Opened) -> None:
    assert opened.clustering._reached_at() == own_addresses()
    cluster = Cluster(advertise=("tcp://gate.example:7791",))
    opened.world.config = lambda: Config(cluster=cluster)  # type: ignore[method-assign]  # as another file says
    made = await opened.clustering.pairing.inviting.invite(Wish())
    assert [str(address).rpartition(":")[0] for address in made.code.addresses] == ["gate.example"]


async def test_until_an_app_leads_over_the_mesh_nobody_is_found_there(opened: Opened) -> None:
    assert opened.clustering.linking.over_mesh().visor == b""


async def test_a_label_of_the_configuration_is_used_before_the_hosts_name(opened: Opened) -> None:
    cluster = Cluster(label="edge-9")
    opened.world.config = lambda: Config(cluster=cluster)  # type: ignore[method-assign]  # as another file says
    assert opened.clustering.label() == "edge-9"


def test_a_home_without_a_cluster_loads_no_part_that_only_clusters_need() -> None:
    code = "import sys, viscript.daemon.program, viscript.daemon.daemon; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "viscript.daemon.clustering" in loaded
    dear = {"aiohttp", "cryptography", "segno", "signal_bus.noise", "signal_bus.peers.link"}
    parts = {
        "viscript.cluster.pairing.pairing",
        "viscript.cluster.desired.side",
        "viscript.cluster.links.links",
    }
    assert loaded & (dear | parts) == set()
