"""Watches over members that end, fall silent, lose their history, or tell nonsense."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from contextlib import aclosing

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_etcd import Answer, FakeMember, fault, gateway, hang, items, stream
from tests.support.stores import PATIENCE_S, batches_of
from viscript.statestore.access import Access
from viscript.statestore.errors import Compacted, Refused, StateStoreError, StoreAway
from viscript.statestore.etcd import watching as watching_module
from viscript.statestore.etcd.store import EtcdStore

CREATED = b'{"result":{"created":true,"header":{"revision":"1"}}}\n'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_module, "QUIET_S", 0.1)
    monkeypatch.setattr(watching_module, "PROBE_S", 0.3)


def told(*revisions: int, fragment: bool = False, key: str = "/t/a") -> bytes:
    events = [
        {"kv": {"key": b64encode(key.encode()).decode(), "mod_revision": str(at), "create_revision": "1"}}
        for at in revisions
    ]
    return json.dumps({"result": {"events": events, "fragment": fragment}}).encode() + b"\n"


async def revisions(store: EtcdStore, start: int, count: int) -> list[int]:
    return [batch.revision for batch in await batches_of(store, "", start, count)]


async def failure(store: EtcdStore, timeout: float = 0.5) -> StateStoreError:
    """How a watch ends that ends by itself."""

    async def to_the_end() -> None:
        async with asyncio.timeout(PATIENCE_S), aclosing(store.watch("", 1, timeout=timeout)) as watch:
            async for _ in watch:
                continue

    with pytest.raises(StateStoreError) as caught:
        await to_the_end()
    return caught.value


async def test_a_watch_goes_on_at_another_member_behind_what_it_told() -> None:
    first = FakeMember(watch=stream(CREATED, told(5), told(6)))
    second = FakeMember(watch=stream(CREATED, told(7), then=hang))
    async with gateway(first, second) as store:
        assert await revisions(store, 5, 3) == [5, 6, 7]
    assert second.asked[0][1]["create_request"]["start_revision"] == "7"


async def test_what_is_told_again_is_not_told_twice() -> None:
    first = FakeMember(watch=stream(CREATED, told(5)))
    second = FakeMember(watch=stream(CREATED, told(4, 5, 6), then=hang))
    async with gateway(first, second) as store:
        assert await revisions(store, 4, 2) == [5, 6]


async def test_fragments_are_put_together() -> None:
    member = FakeMember(
        watch=stream(CREATED, told(5, fragment=True), told(5, 6, fragment=True), told(6), told(7), then=hang)
    )
    async with gateway(member) as store:
        found = await batches_of(store, "", 5, 3)
    assert [(batch.revision, len(batch.events)) for batch in found] == [(5, 2), (6, 2), (7, 1)]


async def test_a_silent_member_that_answers_is_kept() -> None:
    async def late(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(CREATED)
        while member.times("range") < 3:
            await asyncio.sleep(0.02)
        await response.write(told(5))
        return await hang(request)

    member = FakeMember(watch=late, range=items())
    async with gateway(member) as store:
        assert await revisions(store, 5, 1) == [5]
    assert member.times("watch") == 1


@pytest.mark.parametrize("probed", [hang, fault("no leader"), b"garbage"])
async def test_a_silent_member_that_cannot_read_is_left(probed: Answer) -> None:
    frozen = FakeMember(watch=stream(CREATED, then=hang), range=probed)
    well = FakeMember(watch=stream(CREATED, told(5), then=hang), range=items())
    async with gateway(frozen, well) as store:
        assert await revisions(store, 5, 1) == [5]


async def test_a_silent_member_that_forbids_the_look_is_kept() -> None:
    member = FakeMember(
        watch=stream(CREATED, then=hang), range=fault("etcdserver: permission denied", 7, 403)
    )
    async with gateway(member) as store, aclosing(store.watch("", 1)) as watch:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(watch)
    assert member.times("watch") == 1


async def test_history_that_is_gone_is_told_with_its_revision() -> None:
    line = b'{"result":{"canceled":true,"compact_revision":"40"}}\n'
    async with gateway(FakeMember(watch=stream(CREATED, line))) as store:
        exc = await failure(store)
    assert isinstance(exc, Compacted)
    assert exc.revision == 40


@pytest.mark.parametrize(
    "line",
    [
        b'{"result":{"canceled":true,"cancel_reason":"etcdserver: permission denied"}}\n',
        b'{"error":{"grpc_code":7,"message":"etcdserver: permission denied"}}\n',
    ],
)
async def test_a_watch_that_is_not_permitted_says_so(line: bytes) -> None:
    async with gateway(FakeMember(watch=stream(CREATED, line))) as store:
        assert isinstance(await failure(store), Refused)


async def test_a_refusal_at_the_door_says_so() -> None:
    async with gateway(FakeMember(watch=fault("etcdserver: permission denied", 7, 403))) as store:
        assert isinstance(await failure(store), Refused)


async def test_a_token_that_has_expired_is_renewed() -> None:
    member = FakeMember(
        authenticate=[b'{"token":"T1"}', b'{"token":"T2"}'],
        watch=[fault("etcdserver: invalid auth token", 16, 401), stream(CREATED, told(5), then=hang)],
    )
    async with gateway(member, access=Access(user="me", password="x")) as store:
        assert await revisions(store, 5, 1) == [5]
    assert member.asked[-1][2] == "T2"


@pytest.mark.parametrize(
    "lines",
    [
        (b"",),
        (b"nonsense\n",),
        (b"{}\n",),
        (b'{"result":{}}\n',),
        (CREATED, b"nonsense\n"),
        (CREATED, b"{}\n"),
        (CREATED, b'{"result":{"canceled":true}}\n'),
        (CREATED, b'{"error":{"message":"etcdserver: no leader","grpc_code":14}}\n'),
        (CREATED, told(7, 6)),
        (CREATED, told(5, key="/another")),
    ],
)
async def test_members_that_tell_nonsense_are_away_in_the_end(lines: tuple[bytes, ...]) -> None:
    async with gateway(FakeMember(watch=stream(*lines))) as store:
        exc = await failure(store)
    assert isinstance(exc, StoreAway)
    assert exc.tried


async def test_a_member_that_opens_no_watch_is_left() -> None:
    silent = FakeMember(watch=stream(b"", then=hang))
    well = FakeMember(watch=stream(CREATED, told(5), then=hang))
    async with gateway(silent, well) as store, aclosing(store.watch("", 1, timeout=1.0)) as watch:
        assert (await anext(watch)).revision == 5


async def test_a_revision_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_module, "FRAGMENTS_MAX", 1000)
    endless = [told(5, fragment=True) for _ in range(20)]
    async with gateway(FakeMember(watch=stream(CREATED, *endless, then=hang))) as store:
        exc = await failure(store)
    assert "more than 1000 bytes in one piece" in str(exc)


async def test_who_reads_slowly_is_not_told_that_the_store_is_away() -> None:
    first = FakeMember(watch=stream(CREATED, told(5)))
    second = FakeMember(watch=stream(CREATED, told(6), then=hang), range=items())
    async with gateway(first, second) as store, aclosing(store.watch("", 1, timeout=0.5)) as watch:
        assert (await anext(watch)).revision == 5
        await asyncio.sleep(0.7)
        assert (await anext(watch)).revision == 6


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([CREATED, told(5), told(6), b"\n"]), max_size=5))
async def test_random_bytes_end_in_errors_of_ours_or_are_read(chunks: list[bytes]) -> None:
    async with gateway(FakeMember(watch=stream(*chunks))) as store:
        await failure(store, timeout=0.05)
