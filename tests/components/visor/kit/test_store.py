"""The store of apps is the writer of the mesh."""

from pathlib import Path

import pytest

from components.visor.kit.store import StoreError, Writer


async def test_work_is_done_in_order_and_a_file_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    async with Writer(tmp_path / "app.db", "CREATE TABLE IF NOT EXISTS t (n INTEGER)") as writer:
        await writer.run(lambda db: db.executemany("INSERT INTO t VALUES (?)", [(7,)]).rowcount)
        assert await writer.run(lambda db: db.execute("SELECT n FROM t").fetchall()) == [(7,)]
    with pytest.raises(StoreError, match="is closed"):
        await writer.run(lambda db: None)
    with pytest.raises(StoreError):
        async with Writer(tmp_path, ""):
            pytest.fail("it was opened")
