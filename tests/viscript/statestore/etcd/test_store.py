"""etcd as a store: its own corners, on a gateway that answers as told, and on a real one."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from base64 import b64encode
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.support.etcd import Etcd
from tests.support.fake_etcd import FakeMember, fault, gateway, hang, hang_up, items
from tests.support.stores import batches_of, etcd_store
from viscript.statestore.access import Access
from viscript.statestore.api import Get, Put
from viscript.statestore.errors import BadUrl, Compacted, LeaseGone, StoreAway, Unclear
from viscript.statestore.etcd import store as store_module
from viscript.statestore.etcd.store import tls_of

STATUS = b'{"header":{"member_id":"5"},"version":"3.4.23","leader":"%s"}'


async def test_pages_are_read_at_one_revision() -> None:
    member = FakeMember(range=[items("a", "b", more=True, revision=7), items("c", revision=9)])
    async with gateway(member) as store:
        listed = await store.range("")
    assert [item.key for item in listed.items] == ["a", "b", "c"]
    assert listed.revision == 7
    assert member.asked[1][1]["revision"] == "7"


async def test_a_range_whose_revision_goes_begins_again() -> None:
    gone = fault("etcdserver: mvcc: required revision has been compacted", 11)
    member = FakeMember(range=[items("a", more=True), gone, items("a", "b")])
    async with gateway(member) as store:
        assert len((await store.range("")).items) == 2
    endless = FakeMember(range=gone)
    async with gateway(endless) as store:
        with pytest.raises(StoreAway, match="faster than it is read"):
            await store.range("", timeout=0.3)


async def test_a_lease_whose_answer_was_lost_is_the_same_lease() -> None:
    asked: list[str] = []

    async def granted(request: object) -> object:
        body = json.loads(await request.read())  # type: ignore[attr-defined] # aiohttp's own
        asked.append(body["ID"])
        return await hang_up(request)  # type: ignore[arg-type] # as above

    member = FakeMember(
        grant=[granted, fault("etcdserver: lease already exists", 9, 400)],  # type: ignore[list-item] # as above
        keepalive=b'{"result":{"ID":"1","TTL":"30"}}',
    )
    async with gateway(member) as store:
        lease = await store.lease(30)
    assert str(lease.id) == asked[0]
    assert lease.ttl_s == 30


async def test_another_lease_than_was_asked_for_is_refused() -> None:
    async with gateway(FakeMember(grant=b'{"ID":"1","TTL":"30"}')) as store:
        with pytest.raises(StoreAway, match="another lease"):
            await store.lease(30)


async def test_the_lease_that_is_gone_is_named_where_there_is_only_one() -> None:
    member = FakeMember(txn=fault("etcdserver: requested lease not found", 5, 404))
    async with gateway(member) as store:
        with pytest.raises(LeaseGone) as caught:
            await store.txn((), (Put("a", b"", 9), Put("b", b"")))
        assert caught.value.lease == 9
        with pytest.raises(LeaseGone) as caught:
            await store.txn((), (Put("a", b"", 9), Put("b", b"", 8)))
        assert caught.value.lease == 0


async def test_answers_of_another_form_are_unclear_for_writes_and_away_for_reads() -> None:
    member = FakeMember(txn=b'{"header":{},"succeeded":true}', range=b'{"kvs":[{"key":"AAAA"}]}')
    async with gateway(member) as store:
        with pytest.raises(Unclear):
            await store.txn((), (Put("a", b""),))
        with pytest.raises(StoreAway):
            await store.txn((), (Get("a"),))
        with pytest.raises(StoreAway, match="not asked for"):
            await store.get("a")


async def test_how_it_stands_names_each_member() -> None:
    leader = FakeMember(status=STATUS % b"5", range=items())
    follower = FakeMember(status=STATUS % b"6", range=items())
    lost = FakeMember(status=STATUS % b"0", range=items())
    refusing = FakeMember(status=fault("etcdserver: permission denied", 7, 403), range=items())
    frozen = FakeMember(status=hang, range=items())
    async with gateway(leader, follower, lost, refusing, frozen) as store:
        standing = await store.look(timeout=1.0)
    assert standing.ok
    assert standing.text == "etcd, 2 of 5 members answer"
    texts = [member.text for member in standing.members]
    assert "leader" in texts[0]
    assert "follower" in texts[1]
    assert "knows no leader" in texts[2]
    assert "refuses us: permission denied" in texts[3]
    assert "no answer" in texts[4]


async def test_how_it_stands_when_nobody_answers() -> None:
    async with gateway(FakeMember(), FakeMember()) as store:
        standing = await store.look(timeout=0.3)
    assert not standing.ok
    assert standing.text.startswith("etcd is away (127.0.0.1")


async def test_three_members_outlive_one_and_one_does_not() -> None:
    async with gateway(*(FakeMember() for _ in range(3))) as store:
        assert store.capabilities().survives_a_host
    async with gateway(FakeMember()) as store:
        assert not store.capabilities().survives_a_host


async def test_stores_of_two_prefixes_do_not_see_one_another(etcd: Etcd) -> None:
    name = secrets.token_hex(8)
    async with etcd_store(etcd.url(f"/t/{name}")) as one, etcd_store(etcd.url(f"/t/{name}0")) as other:
        await one.txn((), (Put("a", b"1"),))
        await other.txn((), (Put("a", b"2"),))
        assert [item.value for item in (await one.range("")).items] == [b"1"]
        assert [item.value for item in (await other.range("")).items] == [b"2"]


async def test_history_that_a_real_etcd_dropped_is_compacted(etcd: Etcd) -> None:
    async with etcd_store(etcd.url(f"/t/{secrets.token_hex(8)}")) as store:
        first = (await store.txn((), (Put("a", b"1"),))).revision
        last = (await store.txn((), (Put("a", b"2"),))).revision
        await asyncio.to_thread(etcd.members[0].call, "kv/compaction", {"revision": str(last)})
        with pytest.raises(Compacted) as caught:
            await batches_of(store, "", first, 1)
        assert caught.value.revision == last
        async with aclosing(store.watch("", last + 1)) as watch, asyncio.TaskGroup() as tasks:
            tasks.create_task(store.txn((), (Put("a", b"3"),)))
            assert (await anext(watch)).revision == last + 1


async def test_ranges_larger_than_a_page_are_whole(etcd: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PAGE", 3)
    async with etcd_store(etcd.url(f"/t/{secrets.token_hex(8)}")) as store:
        for count in (1, 3, 4, 7):
            await store.txn((), tuple(Put(f"k{n}", b"") for n in range(count)))
            assert len((await store.range("k")).items) == count


def test_without_anything_said_of_tls_there_is_none() -> None:
    assert tls_of(Access()) is None
    assert isinstance(tls_of(Access(tls=True)), ssl.SSLContext)


def test_files_of_tls_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadUrl, match="cert and key belong together"):
        tls_of(Access(cert="x"))
    with pytest.raises(BadUrl, match=r"missing\.pem: No such file"):
        tls_of(Access(ca=str(tmp_path / "missing.pem")))
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(BadUrl, match=r"broken\.pem"):
        tls_of(Access(cert=str(broken), key=str(broken)))


async def test_keys_that_are_no_text_hide_nothing(etcd: Etcd) -> None:
    prefix = f"/t/{secrets.token_hex(8)}"
    async with etcd_store(etcd.url(prefix)) as store:
        begun = (await store.txn((), (Put("a", b"1"),))).revision
        strange = {"key": b64encode(f"{prefix}/".encode() + b"\xff\xfe").decode(), "value": ""}
        await asyncio.to_thread(etcd.members[0].call, "kv/put", strange)
        await store.txn((), (Put("b", b"2"),))
        assert [item.key for item in (await store.range("")).items] == ["a", "b"]
        told = [event.item.key for batch in await batches_of(store, "", begun, 2) for event in batch.events]
        assert told == ["a", "b"]


async def test_more_than_anybody_of_ours_wrote_is_not_read(
    etcd: Etcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RANGE_MAX", 1000)
    async with etcd_store(etcd.url(f"/t/{secrets.token_hex(8)}")) as store:
        await store.txn((), (Put("k1", bytes(900)),))
        assert len((await store.range("k")).items) == 1
        await store.txn((), (Put("k2", bytes(900)),))
        with pytest.raises(StoreAway, match="more than 1000 bytes lie under k: what writes there"):
            await store.range("k")
