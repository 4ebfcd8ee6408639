"""The clusters that are known: kept, bounded, found."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signal_bus.ids import PublicKey
from viscript.cluster.peering import register as module
from viscript.cluster.peering.register import ASKING_S, KIND, Full, Register
from viscript.cluster.peering.standing import Peering, Standing
from viscript.cluster.peering.terms import Share
from viscript.errors import ExitCode, VerbError
from viscript.store.memory import Memory


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    kept = Memory(tmp_path / "s.db")
    kept.open()
    yield kept
    kept.close()


def one(number: int, standing: Standing = Standing.PEERED, **more: str) -> Peering:
    return Peering(key=PublicKey(bytes([number]) * 32), standing=standing, **more)  # type: ignore[arg-type]  # texts only


async def opened(memory: Memory, clock: Clock | None = None) -> Register:
    made = Register(memory, clock=clock or Clock())
    await made.open()
    return made


async def test_what_we_said_is_kept_and_who_only_asks_is_not(memory: Memory) -> None:
    register = await opened(memory)
    peer = Peering(
        key=PublicKey(bytes([1]) * 32), standing=Standing.PEERED, name="lab", mine=Share(apps=("web",))
    )
    for each in (peer, one(2, Standing.ASKED), one(3, Standing.BARRED)):
        await register.put(each)
    again = await opened(memory)
    assert again.all() == [one(3, Standing.BARRED), peer]


async def test_a_peer_that_is_one_no_more_is_forgotten(memory: Memory) -> None:
    register = await opened(memory)
    await register.put(one(1))
    await register.put(one(1, Standing.STRANGERS))
    assert register.all() == (await opened(memory)).all() == []
    assert register.get(one(1).key).standing is Standing.STRANGERS
    await register.put(one(2, Standing.REFUSED))
    await register.put(one(2, Standing.ASKED))
    assert (await opened(memory)).all() == []


async def test_all_is_forgotten_when_the_cluster_is_left(memory: Memory) -> None:
    register = await opened(memory)
    for each in (one(1), one(2, Standing.ASKED)):
        await register.put(each)
    await register.clear()
    assert register.all() == (await opened(memory)).all() == []


async def test_a_damaged_record_is_passed_over(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    await memory.change_records(KIND, {b"x": b"nonsense"})
    with caplog.at_level(logging.ERROR):
        assert (await opened(memory)).all() == []
    assert "damaged" in caplog.text


async def test_versions_rise_also_over_a_restart_and_a_clock_set_back(memory: Memory) -> None:
    register = await opened(memory)
    first = register.next_version(1000.0)
    again = await opened(memory)
    assert again.next_version(1.0) > first


async def test_those_who_ask_are_bounded_and_do_not_take_the_room_of_peers(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASKING_MAX", 2)
    monkeypatch.setattr(module, "KEPT_MAX", 1)
    clock = Clock()
    register = await opened(memory, clock)
    for number in (1, 2):
        await register.put(one(number, Standing.ASKED))
    with pytest.raises(Full, match="2 clusters ask"):
        await register.put(one(3, Standing.ASKED))
    await register.put(one(4))
    with pytest.raises(Full, match="1 clusters are known"):
        await register.put(one(5))
    clock.now = ASKING_S / 2
    await register.put(one(2, Standing.ASKED))  # it asks again
    clock.now = ASKING_S + 1
    assert [each.key[0] for each in register.all()] == [2, 4]
    await register.put(one(3, Standing.ASKED))


async def test_a_cluster_is_found_by_name_and_by_key(memory: Memory) -> None:
    register = await opened(memory)
    for each in (one(1, name="lab"), one(2), Peering(key=PublicKey(bytes([2]) * 31 + b"\x03"))):
        await register.put(each)
    await register.put(Peering(key=PublicKey(bytes([2]) * 31 + b"\x03"), standing=Standing.PEERED))
    assert register.find("lab").key[0] == 1
    assert register.find("01010101").name == "lab"
    with pytest.raises(VerbError, match="begins 2 keys") as raised:
        register.find("02020202")
    assert raised.value.code is ExitCode.USAGE
    for text in ("nobody", "0101", "ff" * 32):
        with pytest.raises(VerbError, match="no cluster") as raised:
            register.find(text)
        assert raised.value.code is ExitCode.NOT_FOUND


async def test_changes_are_told(memory: Memory) -> None:
    register, told = await opened(memory), []
    stop = register.listen(lambda before, after: told.append((before.standing, after.standing)))
    await register.put(one(1))
    await register.put(one(1))
    stop()
    await register.put(one(1, Standing.STRANGERS))
    assert told == [(Standing.STRANGERS, Standing.PEERED)]
