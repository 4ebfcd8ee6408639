"""What others have of an audit, against what is here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.audits import HOST, said
from viscript.cluster.audit import rows
from viscript.cluster.audit.book import Audit
from viscript.cluster.audit.comparing import Difference, Seen, difference
from viscript.cluster.audit.entry import digest
from viscript.store.memory import Memory

COUNT = 1200  # more than a page


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    memory = Memory(tmp_path / "state.db")
    memory.open()
    yield memory
    memory.close()


async def written(memory: Memory, count: int = COUNT) -> tuple[Audit, dict[int, Seen]]:
    audit, seen = Audit(memory, HOST), dict[int, Seen]()
    for number in range(1, count + 1):
        memory.post(lambda db, number=number: rows.append(db, said(number), HOST))  # type: ignore[misc] # bound
    after = 0
    while page := await audit.rows_after(after):
        seen |= {number: Seen(digest(record), "beta") for number, record in page}
        after = page[-1][0]
    return audit, seen


async def test_what_is_the_same_here_and_there_differs_nowhere(memory: Memory) -> None:
    audit, seen = await written(memory)
    assert await difference(audit, seen) is None
    assert await difference(audit, {COUNT: seen[COUNT]}) is None
    assert await difference(audit, {}) is None


async def test_the_first_entry_that_is_another_is_named(memory: Memory) -> None:
    audit, seen = await written(memory)
    for number in (3, 700, COUNT):
        changed = {**seen, number: Seen(bytes(32), "the copy in the store")}
        found = await difference(audit, changed)
        assert found == Difference(number, "it is another one than the copy in the store has")


async def test_an_end_that_was_cut_off_is_noticed(memory: Memory) -> None:
    audit, seen = await written(memory, 20)
    await memory.run(lambda db: db.execute("DELETE FROM audit WHERE number > 17"))
    found = await difference(audit, seen)
    assert found is not None
    assert found.number == 18
    assert found.reason.startswith("beta has entries up to 20, this home up to 17: its end was cut off")
    await memory.run(lambda db: db.execute("DELETE FROM audit"))
    assert await difference(audit, seen) == Difference(1, found.reason.replace("to 17", "to 0"))


async def test_what_was_dropped_for_its_age_is_not_compared(memory: Memory) -> None:
    audit, seen = await written(memory, 20)
    await memory.run(lambda db: rows.cut(db, oldest=11.0, most=1000, now=50.0, signer=HOST))
    assert await difference(audit, seen) is None
    assert await difference(audit, {5: Seen(bytes(32), "beta")}) is None


async def test_a_row_that_is_no_entry_is_another_one(memory: Memory) -> None:
    audit, seen = await written(memory, 3)
    await memory.run(lambda db: db.execute("UPDATE audit SET record = x'00' WHERE number = 2"))
    found = await difference(audit, seen)
    assert found is not None
    assert found.number == 2
