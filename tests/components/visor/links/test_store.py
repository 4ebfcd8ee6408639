import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from components.mesh.transport import TransportType, transport_id
from components.visor.links import store as module
from components.visor.links.meter import Moved
from components.visor.links.store import FILE, Kept, Store, StoreError
from tests.support.mesh import ALICE, BOB

ID = transport_id(ALICE.public_key, BOB.public_key, TransportType.STCPR)
KEPT = Kept(ID, BOB.public_key, TransportType.STCPR, "10.0.0.1:7777")


async def test_what_is_kept_is_there_after_a_restart_and_gone_once_forgotten(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await store.keep(KEPT._replace(address=None))
        await store.keep(KEPT)
    async with Store(tmp_path) as store:
        assert await store.wanted() == [KEPT]
        await store.forget(ID)
        assert await store.wanted() == []


async def test_bytes_are_added_to_those_of_the_day(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await store.add_bytes([Moved("2999-01-01", ID, 5, 1), Moved("2999-01-02", ID, 1, 0)])
        await store.add_bytes([Moved("2999-01-01", ID, 5, 1)])
        assert await store.moved() == [Moved("2999-01-01", ID, 10, 2), Moved("2999-01-02", ID, 1, 0)]


async def test_old_days_are_dropped_at_the_start(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await store.add_bytes([Moved("2001-01-01", ID, 5, 1)])
    async with Store(tmp_path) as store:
        assert await store.moved() == []


async def test_without_a_folder_it_is_all_in_memory() -> None:
    async with Store(None) as store:
        await store.keep(KEPT)
        assert await store.wanted() == [KEPT]


async def test_a_damaged_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all " * 100)
    with caplog.at_level(logging.ERROR):
        async with Store(tmp_path) as store:
            assert await store.wanted() == []
    assert "put aside as transports.damaged" in caplog.text
    assert (tmp_path / "transports.damaged").read_bytes().startswith(b"no database")


async def test_a_folder_that_is_not_there_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing/transports\.db: unable to open"):
        await Store(tmp_path / "missing").__aenter__()


async def test_a_file_another_holds_is_said_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.0)
    async with Store(tmp_path) as store:
        other = sqlite3.connect(tmp_path / FILE)
        other.execute("BEGIN IMMEDIATE").close()
        with pytest.raises(StoreError, match="locked"):
            await store.keep(KEPT)
        other.close()
        await store.keep(KEPT)
        assert await store.wanted() == [KEPT]


_WRITER = """
import asyncio, os, sys, signal
from pathlib import Path
from components.visor.links.store import Store
from tests.components.visor.links.test_store import KEPT
async def main():
    async with Store(Path(sys.argv[1])) as store:
        await store.keep(KEPT)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run([sys.executable, "-c", _WRITER, tmp_path], cwd=root, check=False, timeout=60)
    assert done.returncode == -9
    async with Store(tmp_path) as store:
        assert await store.wanted() == [KEPT]
