import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.mesh.errors import WireError
from components.mesh.writer import StoreError
from components.visor.meter.limits import KEEP_DAYS
from components.visor.meter.receipt import Receipt, Signed, day_of
from components.visor.meter.store import FILE, Kept, Store
from components.visor.meter.sums import Entry, Line
from tests.support.mesh import ALICE, BOB

TODAY = day_of(time.time())
LINE = Line(BOB.public_key, 3, dialled=True)
ENTRY = Entry(TODAY, LINE, "app", 10, 20, 5)
SIGNED = Signed(Receipt(ALICE.public_key, BOB.public_key, 3, TODAY, 1, 10, 20), b"a", b"b")


async def test_what_is_written_is_there_for_the_next_process(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await store.write([ENTRY], [(TODAY, LINE, SIGNED)])
        await store.write([ENTRY._replace(sent=11)])
    async with Store(tmp_path) as store:
        assert await store.moved() == [ENTRY._replace(sent=11)]
        (kept,) = await store.receipts()
        assert (kept.day, kept.line, kept.signed) == (TODAY, LINE, SIGNED)
        assert await store.moved(TODAY + 1) == []
        assert await store.receipts(TODAY + 1) == []


async def test_a_process_that_did_not_say_it_ends_was_killed(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        assert not store.was_killed
        await store.write([], last=True)
    async with Store(tmp_path) as store:
        assert not store.was_killed
    async with Store(tmp_path) as store:
        assert store.was_killed


async def test_old_days_are_forgotten(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        old = ENTRY._replace(day=TODAY - KEEP_DAYS - 1)
        await store.write([old, ENTRY], [(old.day, LINE, SIGNED), (TODAY, LINE, SIGNED)])
    async with Store(tmp_path) as store:
        assert await store.moved() == [ENTRY]
        assert [kept.day for kept in await store.receipts()] == [TODAY]


def day(number: int) -> tuple[Entry, tuple[int, Line, Signed]]:
    """Figures of a day, and a receipt for them."""
    receipt = SIGNED.receipt._replace(day=number)
    return ENTRY._replace(day=number), (number, LINE, SIGNED._replace(receipt=receipt))


def at(number: int) -> Callable[[], float]:
    """A clock that stands at a day."""
    return lambda: number * 86_400.0


async def kept(folder: Path, clock: Callable[[], float]) -> list[int]:
    async with Store(folder, clock) as store:
        assert {one.day for one in await store.receipts()} <= {one.day for one in await store.moved()}
        return [one.day for one in await store.moved()]


async def test_a_clock_that_is_far_ahead_deletes_nothing_again_and_again(tmp_path: Path) -> None:
    past = range(TODAY - KEEP_DAYS, TODAY + 1)
    async with Store(tmp_path) as store:
        entries, signed = zip(*map(day, past), strict=True)
        await store.write(entries, signed)
    far = TODAY + 5000
    for _ in range(3):
        assert await kept(tmp_path, at(far)) == [*past]
    async with Store(tmp_path, at(far)) as store:
        await store.write([ENTRY._replace(day=far)])  # nobody signs for a day that is not
    assert await kept(tmp_path, at(far)) == [*past[1:], far]
    assert await kept(tmp_path, at(TODAY)) == [*past[1:], far]


async def test_a_clock_that_went_back_deletes_nothing(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        entry, signed = day(TODAY)
        await store.write([entry], [signed])
    assert await kept(tmp_path, at(0)) == [TODAY]
    assert await kept(tmp_path, at(TODAY - 3000)) == [TODAY]


async def test_without_receipts_the_newest_days_with_figures_stay(tmp_path: Path) -> None:
    seldom = range(TODAY - 10 * KEEP_DAYS, TODAY + 1, 5)
    async with Store(tmp_path) as store:
        await store.write([day(number)[0] for number in seldom])
    assert await kept(tmp_path, at(TODAY)) == [*seldom][-KEEP_DAYS - 1 :]


async def test_a_receipt_of_a_day_to_come_makes_nothing_older_than_our_clock_does(tmp_path: Path) -> None:
    forged = day(TODAY + 9000)[1]
    async with Store(tmp_path) as store:
        await store.write([day(TODAY - KEEP_DAYS)[0], ENTRY], [forged])
    async with Store(tmp_path) as store:
        assert [one.day for one in await store.moved()] == [TODAY - KEEP_DAYS, TODAY]


async def test_figures_are_read_from_day_to_day(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        entries, signed = zip(*map(day, range(TODAY - 3, TODAY + 1)), strict=True)
        await store.write(entries, signed)
        assert [one.day for one in await store.moved(TODAY - 2, TODAY - 1)] == [TODAY - 2, TODAY - 1]
        assert [one.day for one in await store.receipts(TODAY - 2, TODAY - 2)] == [TODAY - 2]


async def test_a_damaged_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(b"no database " * 1000)
    (tmp_path / f"{FILE}-wal").write_bytes(b"nor this")
    async with Store(tmp_path) as store:
        assert await store.moved() == []
    assert (tmp_path / "meter.damaged").read_bytes().startswith(b"no database")
    assert "put aside" in caplog.text


async def test_a_file_that_cannot_be_had_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreError, match="unable to open"):
        await Store(tmp_path).__aenter__()
    assert (tmp_path / FILE).is_dir()


async def test_all_is_written_or_nothing(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        with pytest.raises(StoreError):
            await store.write([ENTRY, ENTRY._replace(app=None)])  # type: ignore[arg-type]
        assert await store.moved() == []


async def test_bytes_that_are_no_receipt_are_no_error_before_they_are_read(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await store.write([], [(TODAY, LINE, SIGNED)])
    file = sqlite3.connect(tmp_path / FILE)
    with file:
        file.execute("UPDATE receipts SET receipt = x'00'")
    file.close()
    async with Store(tmp_path) as store:
        (kept,) = await store.receipts()
        assert kept == Kept(TODAY, LINE, b"\0", b"a", b"b")
        with pytest.raises(WireError):
            _ = kept.signed
