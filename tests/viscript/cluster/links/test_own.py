from pathlib import Path

import viscript
from tests.support.hosts import LinkedHost
from tests.support.rosters import host, vouched
from viscript.cluster.links.api import Reach
from viscript.cluster.model import read_card
from viscript.verbs.table import Role

CLUSTER, A = host(0), host(1)


async def alone(folder: Path) -> LinkedHost:
    made = LinkedHost(A, "a", folder)
    await made.open()
    return made


async def test_a_host_without_a_cluster_says_nothing(short_tmp: Path) -> None:
    one = await alone(short_tmp)
    assert one.links.own.hello() is None
    assert not one.links.own.differs()
    assert one.links.hosts() == []
    one.memory.close()


async def test_a_member_says_who_it_is_and_how(short_tmp: Path) -> None:
    one = await alone(short_tmp)
    await one.join(CLUSTER, vouched(A, CLUSTER, label="a", role=Role.OPERATE))
    own = one.links.own
    hello = own.hello()
    assert hello is not None
    assert (hello.cluster, hello.key, hello.label) == (CLUSTER.public_key, A.public_key, "a")
    own.draining = own.paused = True
    state = own.state(7.0, 5.0, 1.0)
    assert (state.time, state.echo, state.held_s, state.apps_up) == (7.0, 5.0, 1.0, 1)
    assert state.draining
    assert one.book.roster is not None
    assert state.roster == one.book.roster.digest
    (row,) = one.links.hosts()
    assert (row.local, row.state, row.age_seconds, row.version, row.role) == (
        True, Reach.PAUSED, 0.0, viscript.__version__, Role.OPERATE,
    )  # fmt: skip
    one.memory.close()


async def test_its_card_beats_the_one_before_and_is_told_once(short_tmp: Path) -> None:
    one = await alone(short_tmp)
    own = one.links.own
    await one.join(CLUSTER, vouched(A, CLUSTER, label="a"))
    own.mesh = A.public_key
    assert own.differs()
    first = own.card()
    assert read_card(first.record) == first
    await one.book.take(cards=[first])
    assert not own.differs()
    assert own.card().body.version > first.body.version
    one.memory.close()
