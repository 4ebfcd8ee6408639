"""The file: what was answered survives, a full or damaged one is told, two never share one."""

import sqlite3
from pathlib import Path

import pytest

from components.node_manager import store as module
from components.node_manager.ledger import Change, NonceRow, UptimeRow, put
from components.node_manager.store import Store, StoreError

ROW = NonceRow(ends=5, next=9)


async def stored(path: Path) -> list[Change]:
    store = Store(path)
    try:
        return await store.open()
    finally:
        await store.close()


async def test_what_was_committed_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "new" / "m.db"
    store = Store(path)
    assert await store.open() == []
    later = UptimeRow(ends=9, since=1, seen=1)
    await store.commit([put("u", later), put("a", ROW), put("b", ROW)])
    await store.commit([Change("nonce", "a", None)])
    await store.close()
    assert await stored(path) == [Change("nonce", "b", ROW), Change("uptime", "u", later)]


async def test_without_a_file_it_is_kept_in_memory() -> None:
    store = Store(None)
    assert await store.open() == []
    await store.commit([put("a", ROW)])
    await store.close()


async def test_a_full_disk_refuses_a_commit_whole_and_takes_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PRAGMAS", (*module.PRAGMAS, "max_page_count=8"))
    path = tmp_path / "m.db"
    store = Store(path)
    await store.open()
    await store.commit([put("a", ROW)])
    with pytest.raises(StoreError, match=r"m\.db: database or disk is full"):
        await store.commit([put(f"{at:099}", ROW) for at in range(999)])
    await store.commit([put("b", ROW)])
    await store.close()
    assert [change.key for change in await stored(path)] == ["a", "b"]


async def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    path.write_bytes(b"this is no database at all " * 99)
    assert await stored(path) == []
    assert len(list(tmp_path.glob("m.db.damaged-*"))) == 1


async def test_a_row_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    await stored(path)
    with sqlite3.connect(path) as file:
        file.execute("INSERT INTO rows VALUES ('nonce', 'x', 1, 'y'), ('other', 'x', 1, '{}')")
    file.close()
    assert await stored(path) == []


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "m.db")
    await store.open()
    try:
        with pytest.raises(StoreError, match="locked"):
            await stored(tmp_path / "m.db")
    finally:
        await store.close()


async def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"Not a directory|exists"):
        await stored(tmp_path / "file" / "m.db")
