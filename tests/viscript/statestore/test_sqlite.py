"""What only the embedded engine has: a file, a clock, other processes, a disk that fills up."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.support.stores import batches_of, sqlite_store
from viscript.statestore import mounts, tables
from viscript.statestore import sqlite as sqlite_module
from viscript.statestore.api import Delete, Get, Put, absent
from viscript.statestore.errors import Compacted, LeaseGone, StoreAway, Unclear
from viscript.statestore.sqlite import SqliteStore, since_boot

WRITER = """
import asyncio, sys
from pathlib import Path
from viscript.statestore.api import Put
from viscript.statestore.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    await store.open()
    for n in range(int(sys.argv[2])):
        await store.txn((), (Put(f"n/{n:05}", b""),))
        print(n, flush=True)
    await store.close()

asyncio.run(main())
"""


def other_process(path: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", WRITER, str(path), str(count)], stdout=subprocess.PIPE, text=True
    )


async def test_what_was_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        await store.txn((), (Put("a", b"1"),))
        lease = await store.lease(30)
    async with sqlite_store(tmp_path) as store:
        item = await store.get("a")
        assert item is not None
        assert await store.keepalive(lease.id) == 30
    assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600


async def test_a_watch_sees_what_another_process_writes(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        start = (await store.range("")).revision + 1
        writer = other_process(tmp_path / "store.db", 5)
        found = await batches_of(store, "n/", start, 5)
        writer.communicate(timeout=60)
    assert [batch.events[0].item.key for batch in found] == [f"n/{n:05}" for n in range(5)]


async def test_nothing_acknowledged_is_lost_when_a_writer_is_killed(tmp_path: Path) -> None:
    for _ in range(2):
        writer = other_process(tmp_path / "store.db", 100_000)
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline() for _ in range(40)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.read().splitlines(keepends=True)
        writer.stdout.close()
        writer.wait()
        whole = [int(line) for line in acknowledged if line.endswith("\n")]
        async with sqlite_store(tmp_path) as store:
            kept = {item.key for item in (await store.range("n/")).items}
            assert {f"n/{n:05}" for n in whole} <= kept
            for key in kept:
                await store.txn((), (Delete(key),))


async def test_a_lease_ends_by_the_clock_it_was_given(tmp_path: Path) -> None:
    now = [1000.0]
    async with sqlite_store(tmp_path, lambda: now[0]) as store:
        lease = await store.lease(10)
        done = await store.txn((), (Put("a", b"", lease.id),))
        now[0] += 9.9
        await store.keepalive(lease.id)
        now[0] += 9.9
        assert await store.get("a") is not None
        now[0] += 0.1
        assert await store.get("a") is None
        assert (await store.range("")).revision == done.revision + 1
        with pytest.raises(LeaseGone):
            await store.txn((), (Put("b", b"", lease.id),))


async def test_leases_of_an_earlier_boot_have_ended(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    before = SqliteStore(path, boot=lambda: "one")
    await before.open()
    lease = await before.lease(3600)
    await before.txn((), (Put("a", b"", lease.id), Put("b", b"")))
    await before.close()
    behind = SqliteStore(path, boot=lambda: "two")
    await behind.open()
    assert [item.key for item in (await behind.range("")).items] == ["b"]
    with pytest.raises(LeaseGone):
        await behind.keepalive(lease.id)
    await behind.close()


async def test_a_watch_of_history_that_is_gone_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "COMPACT_EVERY", 1)
    monkeypatch.setattr(tables.compact, "__kwdefaults__", {"revisions": 3, "size": 1 << 20})
    async with sqlite_store(tmp_path) as store:
        for _ in range(10):
            await store.txn((), (Put("a", b""),))
        with pytest.raises(Compacted):
            await batches_of(store, "", 2, 1)


async def test_a_file_that_is_broken_is_put_aside_and_fences_do_not_fall(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(os.urandom(9000))
    store = SqliteStore(tmp_path / "store.db")
    aside = await store.open()
    assert aside == tmp_path / "store.db.damaged-1"
    done = await store.txn((absent("leader"),), (Put("leader", b""),))
    assert done.revision > 1_000_000_000_000
    with pytest.raises(Compacted):
        await batches_of(store, "", 5, 1)
    await store.close()


async def test_a_file_system_of_another_host_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 0:1 / {tmp_path} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(mounts, "_TABLE", table)
    with pytest.raises(
        StoreAway, match=r"network file system \(nfs4\), where SQLite's log does not work; name"
    ):
        await SqliteStore(tmp_path / "store.db").open()
    assert not (tmp_path / "store.db").exists()


async def test_a_file_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StoreAway, match="unable to open database file"):
        await SqliteStore(tmp_path / "store.db").open()


async def test_a_stuck_file_is_away_for_reads_and_unclear_for_writes(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        await store.txn((), (Put("a", b"1"),))
        holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(StoreAway, match=r"no answer within 0.05 s; is the disk stuck\?"):
                await store.get("a", timeout=0.05)
            with pytest.raises(Unclear, match="it may be yet"):
                await store.txn((), (Put("a", b"2"),), timeout=0.05)
            assert not (await store.look(timeout=0.05)).ok
        finally:
            holder.execute("ROLLBACK")
            holder.close()
        item = await store.get("a", timeout=30)
        assert item is not None
        assert item.value == b"2"  # it was done yet


async def test_a_full_disk_refuses_writes_and_answers_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sqlite_store(tmp_path) as store:
        await store.txn((), (Put("a", b"1"),))
        await store._writer.run(lambda db: db.execute("PRAGMA max_page_count=1"))
        large = tuple(Put(f"b/{n}", b"x" * 60_000) for n in range(17))
        with pytest.raises(StoreAway, match="full"):
            await store.txn((), large)
        assert await store.get("a") is not None
        standing = await store.look()
        assert not standing.ok
        assert "the disk is full" in standing.text


async def test_the_answer_of_a_refused_request_leaves_no_trace(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        with pytest.raises(LeaseGone):
            await store.txn((), (Put("a", b""), Get("a"), Put("b", b"", 77)))
        assert await store.get("a") is None
        assert (await store.txn((), (Put("a", b""),))).revision == 2


async def test_two_leases_of_one_number_are_not_mixed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.randbits", lambda bits: 7)
    async with sqlite_store(tmp_path) as store:
        assert (await store.lease(5)).id == 8
        with pytest.raises(Unclear, match="there already"):
            await store.lease(5)


async def test_a_watch_that_is_closed_leaves_nothing_behind(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        async with asyncio.timeout(30), aclosing(store.watch("", 1)) as watch:
            await store.txn((), (Put("a", b""),))
            await anext(watch)
            assert store._watchers
        assert not store._watchers


async def test_many_watches_look_as_seldom_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_module, "POLL_S", 0.1)
    async with sqlite_store(tmp_path) as store:
        looks = 0
        real = store._writer.run

        async def counted(*args: Any, **more: Any) -> Any:
            nonlocal looks
            looks += 1
            return await real(*args, **more)

        monkeypatch.setattr(store._writer, "run", counted)
        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(batches_of(store, "n/", 2, 1)) for _ in range(30)]
            await asyncio.sleep(1.05)
            assert 30 < looks <= 30 + 2 * 11  # each once, and then all together
            other_process(tmp_path / "store.db", 1).communicate(timeout=60)
        assert all(len(one.result()) == 1 for one in watching)


def test_a_store_that_is_served_is_one_of_several_hosts(tmp_path: Path) -> None:
    for shared in (False, True):
        assert SqliteStore(tmp_path / "s.db", shared=shared).capabilities().several_hosts is shared


def test_the_clock_goes_on_while_the_host_sleeps() -> None:
    assert since_boot() >= 0
