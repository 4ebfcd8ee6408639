"""The copy of desired state: what outlives a daemon, and what cannot be read."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from signal_bus.identity import Identity
from tests.support.rosters import host
from tests.support.stores import sqlite_store
from viscript.cluster.desired import trust
from viscript.cluster.desired.keys import KEPT_ASSIGNED, KEPT_ORDERS, RUN, Assignment, Claim, Observed, pack
from viscript.cluster.desired.mirror import Mirror
from viscript.cluster.desired.record import Deployment, HostOrder, Mode, sign_deployment, sign_host_order
from viscript.cluster.desired.trust import Trust
from viscript.statestore.api import Delete, Put
from viscript.statestore.sqlite import SqliteStore
from viscript.verbs.table import Role

CLUSTER, SIGNER = host(1), host(2)
RECORD = sign_deployment(
    Deployment(cluster=CLUSTER.public_key, app="web", by=SIGNER.public_key), SIGNER
).record
TRUST = Trust(cluster=CLUSTER.public_key, role_of=lambda key: Role.OPERATE)


def signed(cluster: Identity, **fields: Any) -> bytes:
    """An order of that cluster."""
    body = Deployment(cluster=cluster.public_key, by=SIGNER.public_key, **fields)
    return sign_deployment(body, SIGNER).record


class Seen:
    """A mirror that runs, what it saved and told."""

    def __init__(self, store: SqliteStore) -> None:
        self.saved: dict[str, bytes] = {}
        self.told: list[tuple[str, str, str]] = []
        self.trust: Trust | None = TRUST
        self.mirror = Mirror(
            store,
            lambda: self.trust,
            changed=lambda: None,
            save=self.saved.__setitem__,
            tell=lambda *event: self.told.append(event),
        )

    def restore(self, saved: Mapping[str, bytes]) -> None:
        self.mirror.restore(saved.get(KEPT_ORDERS), saved.get(KEPT_ASSIGNED))

    async def until_revision(self, revision: int) -> None:
        async with asyncio.timeout(20):
            while not all(part.revision >= revision for part in self.mirror._parts.values() if part.items):
                await asyncio.sleep(0.01)
            while not self.mirror.fresh:
                await asyncio.sleep(0.01)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with sqlite_store(tmp_path) as made:
        yield made


@pytest.fixture
async def seen(store: SqliteStore) -> AsyncIterator[Seen]:
    made = Seen(store)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(made.mirror.run())
        await made.until_revision(0)
        yield made
        task.cancel()


async def written(store: SqliteStore, seen: Seen, key: str, value: bytes) -> None:
    """Put it, and wait until it was seen."""
    revision = (await store.txn((), (Put(key, value),))).revision
    async with asyncio.timeout(20):
        while seen.mirror.item(key) is None or seen.mirror.item(key).revision < revision:  # type: ignore[union-attr]  # it is there
            await asyncio.sleep(0.01)
    await asyncio.sleep(0)


async def test_an_order_that_counts_outlives_the_daemon(store: SqliteStore, seen: Seen) -> None:
    await written(store, seen, "desired/web", RECORD)
    after = Seen(store).mirror
    after.restore(seen.saved[KEPT_ORDERS], seen.saved.get(KEPT_ASSIGNED))
    assert list(after.deployments()) == ["web"]


async def test_assignments_outlive_the_daemon_until_the_store_says_more(
    store: SqliteStore, seen: Seen
) -> None:
    await written(store, seen, "assign/web/1", pack(Assignment(CLUSTER.public_key)))
    after = Seen(store).mirror
    after.restore(None, seen.saved[KEPT_ASSIGNED])
    assert after.assigned() == {("web", 1): CLUSTER.public_key}


async def test_a_memory_that_is_broken_is_passed_over(store: SqliteStore) -> None:
    mirror = Seen(store).mirror
    mirror.restore(b"\xc1", b"\xc1")
    mirror.restore(b"", msgspec.msgpack.encode([1]))
    assert mirror.deployments() == {}
    assert mirror.assigned() == {}


async def test_foreign_keys_and_values_are_passed_over(store: SqliteStore, seen: Seen) -> None:
    for key in ("assign/web/x", "assign/web/1", "run/web", "alive/zz", "observed/zz/1", "orders/zz"):
        await written(store, seen, key, b"?")
    assert seen.mirror.assigned() == {}
    assert seen.mirror.claims() == {}
    assert seen.mirror.alive() == frozenset()
    assert seen.mirror.observed() == {}
    assert seen.mirror.book.mode(CLUSTER.public_key) is Mode.NORMAL


async def test_a_claim_is_known_by_its_lease_and_revision(store: SqliteStore, seen: Seen) -> None:
    lease = (await store.lease(60)).id
    done = await store.txn((), (Put("run/web/1", pack(Claim(CLUSTER.public_key)), lease),))
    async with asyncio.timeout(20):
        while seen.mirror.revision(RUN) < done.revision:
            await asyncio.sleep(0.01)
    (held,) = seen.mirror.claims().values()
    assert (held.lease, held.created) == (lease, done.revision)


async def test_of_two_hosts_that_speak_of_an_instance_the_one_that_is_to_run_it_counts(
    store: SqliteStore, seen: Seen
) -> None:
    hosts = [host(number).public_key for number in range(4)]
    for one in hosts:
        stood = Observed(app="web", number=1, seq=1, state="ready")
        await written(store, seen, f"observed/{one.hex()}/1", pack(stood))
    for one in hosts:
        await written(store, seen, "assign/web/1", pack(Assignment(one)))
        assert seen.mirror.observed()["web", 1][0] == one


async def test_a_refusal_is_told_once(store: SqliteStore, seen: Seen) -> None:
    for value in (b"one", b"two"):
        await written(store, seen, "desired/web", value)
    assert len(seen.told) == len({why for _, _, why in seen.told})


async def test_what_was_refused_is_forgotten_with_its_key(store: SqliteStore, seen: Seen) -> None:
    places = ("desired/web", f"orders/{CLUSTER.public_key.hex()}")
    for key in places:
        await written(store, seen, key, b"by hand")
    assert len(seen.mirror.book.refused) == 2
    await store.txn((), [Delete(key) for key in places])
    async with asyncio.timeout(20):
        while seen.mirror.book.refused:
            await asyncio.sleep(0.01)


async def test_another_roster_writes_no_order_to_the_disk_again(
    store: SqliteStore, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(store, seen, "desired/web", RECORD)
    seen.saved.clear()
    monkeypatch.setattr(trust, "read_deployment", None)  # nor is a signature checked that was
    seen.mirror.review()
    assert list(seen.mirror.deployments()) == ["web"]
    assert seen.saved == {}


async def test_a_host_that_joins_another_cluster_follows_that_one_alone(
    store: SqliteStore, seen: Seen
) -> None:
    """Versions of the first one would have it refuse every order about an app of the same name."""
    other = host(3)
    seen.trust = Trust(cluster=CLUSTER.public_key, role_of=lambda key: Role.ADMIN)
    await written(store, seen, "desired/web", signed(CLUSTER, app="web", version=7))
    await written(store, seen, "desired/old", signed(CLUSTER, app="old"))
    order = HostOrder(
        cluster=CLUSTER.public_key, host=SIGNER.public_key, mode=Mode.DRAINED, by=SIGNER.public_key
    )
    await written(store, seen, f"orders/{SIGNER.name}", sign_host_order(order, SIGNER).record)
    assert seen.mirror.book.mode(SIGNER.public_key) is Mode.DRAINED
    seen.trust = None
    seen.mirror.review()
    assert set(seen.mirror.deployments()) == {"web", "old"}, "it has left, and what runs runs on"
    seen.trust = Trust(cluster=other.public_key, role_of=lambda key: Role.ADMIN)
    seen.mirror.review()
    assert seen.mirror.deployments() == {}
    assert seen.mirror.book.mode(SIGNER.public_key) is Mode.NORMAL
    await written(store, seen, "desired/web", signed(other, app="web", version=1))
    assert seen.mirror.deployments()["web"].cluster == other.public_key
    after = Seen(store)
    after.restore(seen.saved)
    assert after.mirror.deployments() == {}, "a restart in the first cluster again"


async def test_a_host_in_no_cluster_believes_nobody_until_it_joins(store: SqliteStore, seen: Seen) -> None:
    seen.trust = None
    await written(store, seen, "desired/web", RECORD)
    assert seen.mirror.deployments() == {}
    seen.trust = TRUST
    seen.mirror.review()
    assert list(seen.mirror.deployments()) == ["web"]
    assert seen.mirror.fault == ""
    assert seen.mirror.item("desired/none") is None


async def test_what_did_not_change_is_not_read_again(store: SqliteStore, seen: Seen) -> None:
    await written(store, seen, "assign/web/1", pack(Assignment(CLUSTER.public_key)))
    before = seen.mirror.assigned()
    assert seen.mirror.assigned() is before
    await written(store, seen, "assign/web/2", pack(Assignment(CLUSTER.public_key)))
    assert len(seen.mirror.assigned()) == 2
