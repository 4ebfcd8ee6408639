"""Random transactions and leases on each engine, step by step as a model does them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.etcd import Etcd
from tests.support.store_model import Model
from tests.support.store_streams import far_host
from tests.support.stores import batches_of, etcd_store, sqlite_store
from viscript.statestore.api import Compare, Delete, Get, Op, Put, StateStore
from viscript.statestore.errors import LeaseGone

KEYS = st.sampled_from(["a", "a/1", "a/2", "b", "é"])
VALUES = st.sampled_from([b"", b"\0", b"x", b"xy"])
SIGNS = st.sampled_from(["=", "!=", "<", ">"])
COMPARES = st.builds(Compare, KEYS, st.just("value"), SIGNS, VALUES) | st.builds(
    Compare, KEYS, st.sampled_from(["created", "revision"]), SIGNS, st.just(0)
)
WRITES = st.builds(Put, KEYS, VALUES, st.sampled_from([0, 0, 1, 2])) | st.builds(Delete, KEYS)
BRANCHES = st.tuples(
    st.lists(WRITES, max_size=3, unique_by=lambda one: one.key), st.lists(st.builds(Get, KEYS), max_size=1)
).map(lambda parts: [*parts[0], *parts[1]])
STEPS = st.lists(
    st.tuples(st.just("txn"), st.lists(COMPARES, max_size=2), BRANCHES, BRANCHES)
    | st.tuples(st.sampled_from(["grant", "revoke"]), st.sampled_from([1, 2])),
    max_size=12,
)


@asynccontextmanager
async def opened(engine: str, request: pytest.FixtureRequest, folder: Any) -> AsyncIterator[StateStore]:
    if engine.startswith("etcd"):
        etcd: Etcd = request.getfixturevalue(engine)
        async with etcd_store(etcd.url(f"/test/{secrets.token_hex(8)}")) as store:
            yield store
        return
    async with sqlite_store(folder) as embedded, far_host(embedded) as (far, _):
        yield far if engine == "far" else embedded


@pytest.mark.parametrize("engine", ["sqlite", "far", "etcd", "etcd35"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_every_engine_does_as_the_model(
    engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    async with opened(engine, request, tmp_path_factory.mktemp("s")) as store:
        follower = Follower(store, (await store.range("")).revision)
        for step in steps:
            await follower.take(step)
        await follower.compare()


class Follower:
    """Does each step on a store and on the model."""

    def __init__(self, store: StateStore, revision: int) -> None:
        self.store = store
        self.model = Model(revision)
        self.first = revision + 1
        self.real: dict[int, int] = {}

    async def take(self, step: Any) -> None:
        if step[0] == "txn":
            await self.txn(*step[1:])
        elif step[0] == "grant" and step[1] not in self.model.leases:
            self.real[step[1]] = (await self.store.lease(3600)).id
            self.model.leases.add(step[1])
        elif step[0] == "revoke" and step[1] in self.model.leases:
            await self.store.revoke(self.real[step[1]])
            self.model.revoke(step[1])

    async def txn(self, compare: list[Compare], then: list[Op], otherwise: list[Op]) -> None:
        wanted = self.model.txn(compare, then, otherwise)
        try:
            done = await self.store.txn(compare, self.leased(then), self.leased(otherwise))
        except LeaseGone:
            assert wanted is None
            return
        assert wanted is not None
        ok, results = wanted
        assert (done.ok, done.revision) == (ok, self.model.revision)
        assert [self.plain(one) for one in done.results] == [self.plain(one) for one in results]

    def leased(self, operations: list[Op]) -> list[Op]:
        """With the numbers of real leases; those that were never granted have ended."""
        real = {0: 0, 1: 77, 2: 78, **self.real}
        return [
            Put(one.key, one.value, real[one.lease]) if isinstance(one, Put) else one for one in operations
        ]

    def plain(self, result: Any) -> Any:
        """A result without the number of its lease."""
        return result[:0] if isinstance(result, tuple) else getattr(result, "key", result)

    async def compare(self) -> None:
        listed = await self.store.range("")
        assert listed.revision == self.model.revision
        assert [(one.key, one.value, one.created, one.revision) for one in listed.items] == [
            (one.key, one.value, one.created, one.revision)
            for one in sorted(self.model.items.values(), key=lambda item: item.key.encode())
        ]
        changed = sorted({at for at, _, _ in self.model.history})
        batches = await batches_of(self.store, "", self.first, len(changed)) if changed else []
        assert {
            (batch.revision, event.item.key, None if event.deleted else event.item.value)
            for batch in batches
            for event in batch.events
        } == set(self.model.history)
