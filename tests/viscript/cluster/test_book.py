"""The roster of one home: founded, joined, kept, left."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signal_bus.errors import KeyFileError
from signal_bus.identity import load_or_create
from tests.support.rosters import card_of, host, vouched
from viscript.cluster.book import MEMBERS, PINNED, Alone, Book, InCluster
from viscript.cluster.model import BadRecord, sign_card
from viscript.store.memory import Memory
from viscript.store.writer import StoreError
from viscript.verbs.table import Role

CLUSTER, A, B, C = (host(number) for number in range(4))


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    kept = Memory(tmp_path / "s.db")
    kept.open()
    yield kept
    kept.close()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "cluster.key"


async def founded(memory: Memory, key: Path) -> Book:
    book = Book(memory, A, key)
    await book.open()
    await book.found(card_of(A, addresses=("tcp://10.0.0.1:7791",)), "alpha")
    return book


async def again(memory: Memory, key: Path) -> Book:
    book = Book(memory, A, key)
    await book.open()
    return book


async def test_a_new_home_is_alone(memory: Memory, key: Path) -> None:
    book = await again(memory, key)
    assert book.cluster is None
    assert book.me is None
    assert book.signer() is None
    with pytest.raises(Alone, match="host invite"):
        await book.take()
    with pytest.raises(Alone):
        await book.leave()


async def test_the_founder_is_an_admin_and_keeps_the_key(memory: Memory, key: Path) -> None:
    book = await founded(memory, key)
    assert book.me is not None
    assert (book.me.label, book.me.role, book.me.addresses) == ("alpha", Role.ADMIN, ("tcp://10.0.0.1:7791",))
    assert book.is_founder
    signer = book.signer()
    assert signer is not None
    assert signer.public_key == book.cluster
    assert key.stat().st_mode & 0o777 == 0o600


async def test_all_of_it_is_there_after_a_restart(memory: Memory, key: Path) -> None:
    book = await founded(memory, key)
    signer = book.signer()
    assert signer is not None
    card = sign_card(card_of(B, labels={"role": "edge"}), B)
    assert await book.take([vouched(B, signer, label="beta")], [card])
    later = await again(memory, key)
    assert later.cluster == book.cluster
    assert later.roster is not None
    assert later.roster.present[B.public_key].label == "beta"
    assert later.roster.present[B.public_key].labels == {"role": "edge"}
    assert later.is_founder


async def test_a_joiner_pins_the_cluster_by_records_that_make_it_a_member(memory: Memory, key: Path) -> None:
    book = await again(memory, key)
    with pytest.raises(BadRecord, match="a member"):
        await book.pin(CLUSTER.public_key, [vouched(B, CLUSTER)])
    assert book.cluster is None
    await book.pin(CLUSTER.public_key, [vouched(A, CLUSTER, role=Role.ADMIN)])
    assert (await again(memory, key)).cluster == CLUSTER.public_key
    assert not book.is_founder
    assert book.signer() is A


async def test_one_who_may_look_only_signs_nothing(memory: Memory, key: Path) -> None:
    book = await again(memory, key)
    await book.pin(CLUSTER.public_key, [vouched(A, CLUSTER, role=Role.VIEW)])
    assert book.signer() is None


async def test_a_second_cluster_is_refused(memory: Memory, key: Path) -> None:
    book = await founded(memory, key)
    with pytest.raises(InCluster):
        await book.found(card_of(A), "again")
    with pytest.raises(InCluster):
        await book.pin(CLUSTER.public_key, [vouched(A, CLUSTER)])


async def test_the_chain_leads_from_the_cluster_key_to_the_member(memory: Memory, key: Path) -> None:
    book = await again(memory, key)
    records = [
        vouched(A, CLUSTER, role=Role.ADMIN),
        vouched(B, CLUSTER, by=A, role=Role.ADMIN),
        vouched(C, CLUSTER, by=B),
    ]
    await book.pin(CLUSTER.public_key, records)
    assert list(book.chain(C.public_key)) == records
    assert book.chain(host(9).public_key) == ()


async def test_who_listens_hears_of_news_only(memory: Memory, key: Path) -> None:
    book = await founded(memory, key)
    signer = book.signer()
    assert signer is not None
    heard: list[int] = []
    unlisten = book.listen(lambda changed: heard.append(len(changed.roster.present) if changed.roster else 0))
    record = vouched(B, signer)
    assert await book.take([record])
    assert not await book.take([record])
    assert not await book.take([vouched(C, CLUSTER)]), "of another cluster"
    await book.leave()
    unlisten()
    await book.found(card_of(A), "alpha")
    assert heard == [2, 0]


async def test_a_listener_that_fails_keeps_nobody_from_hearing(
    memory: Memory, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = await founded(memory, key)
    heard: list[str] = []

    def fails(changed: Book) -> None:
        raise RuntimeError("a bug")

    book.listen(fails)
    book.listen(lambda changed: heard.append("left"))
    await book.leave()
    assert heard == ["left"]
    assert "a bug" in caplog.text
    assert "a listener of the roster failed" in caplog.text


async def test_who_leaves_forgets_all_and_may_begin_anew(memory: Memory, key: Path) -> None:
    book = await founded(memory, key)
    first = book.cluster
    await book.leave()
    assert not key.exists()
    assert await memory.value(PINNED) is None
    assert await memory.records(MEMBERS) == {}
    assert (await again(memory, key)).cluster is None
    await book.found(card_of(A), "alpha")
    assert book.cluster != first


async def test_who_begins_anew_while_it_leaves_keeps_the_new_one(memory: Memory, key: Path) -> None:
    book = await founded(memory, key)
    first = book.cluster
    await asyncio.gather(book.leave(), book.found(card_of(A), "anew"))
    assert book.cluster not in (None, first)
    after = await again(memory, key)
    assert after.cluster == book.cluster
    assert after.me is not None
    assert after.me.label == "anew"
    assert after.is_founder


async def test_a_host_that_cannot_keep_its_membership_has_none(
    memory: Memory, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = await again(memory, key)

    async def full(name: str, value: bytes) -> None:
        raise OSError("no room")

    monkeypatch.setattr(memory, "set_value", full)
    with pytest.raises(OSError, match="no room"):
        await book.found(card_of(A), "alpha")
    assert book.cluster is None
    assert not book.is_founder


async def test_what_a_host_kept_that_died_while_it_joined_is_swept(memory: Memory, key: Path) -> None:
    await founded(memory, key)
    await memory.forget_value(PINNED)
    book = await again(memory, key)
    assert book.cluster is None
    assert await memory.records(MEMBERS) == {}


async def test_a_damaged_record_is_passed_over_and_told(
    memory: Memory, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await founded(memory, key)
    await memory.change_records(MEMBERS, {b"x": b"no record"})
    book = await again(memory, key)
    assert book.me is not None
    assert "damaged" in caplog.text


async def test_a_cluster_key_that_cannot_be_used_signs_nothing(
    memory: Memory, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    await founded(memory, key)
    key.chmod(0o644)
    book = await again(memory, key)
    assert not book.is_founder
    assert "others may read it" in caplog.text
    os.unlink(key)
    load_or_create(key)
    assert not (await again(memory, key)).is_founder
    assert "another cluster" in caplog.text


async def test_a_key_file_that_others_read_founds_no_cluster(memory: Memory, key: Path) -> None:
    key.write_text("00" * 32)
    key.chmod(0o644)
    book = await again(memory, key)
    with pytest.raises(KeyFileError):
        await book.found(card_of(A), "alpha")
    assert book.cluster is None


async def test_who_is_put_out_while_nothing_can_be_kept_stays_out_after_the_next_start(
    memory: Memory, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = await founded(memory, key)
    signer = book.signer()
    assert signer is not None
    await book.take([vouched(B, signer, label="beta")])

    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(memory, "change_records", full)
        with pytest.raises(StoreError):
            await book.take([vouched(B, signer, label="beta", version=2, gone=True)])
        assert book.roster is not None
        assert B.public_key not in book.roster.present
        with pytest.raises(StoreError):
            await book.settle()
    assert B.public_key in ((await again(memory, key)).roster or book.roster).present
    await book.settle()
    after = await again(memory, key)
    assert after.roster is not None
    assert B.public_key not in after.roster.present


async def test_a_host_leaves_also_with_records_that_were_not_kept(
    memory: Memory, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = await founded(memory, key)
    signer = book.signer()
    assert signer is not None

    async def full(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(memory, "change_records", full)
        with pytest.raises(StoreError):
            await book.take([vouched(B, signer, label="beta")])
    await book.leave()
    assert not await memory.records(MEMBERS)
    assert (await again(memory, key)).roster is None
