"""Heads that other hosts tell, kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signal_bus.identity import Identity
from tests.support.audits import HOST
from tests.support.store_streams import End, stream_pair
from viscript.cluster.audit import keeping
from viscript.cluster.audit.heads import HEAD_BYTES, sign_head
from viscript.cluster.audit.keeping import KEPT, Keeper
from viscript.cluster.links.api import Caller
from viscript.store.memory import Memory
from viscript.verbs.table import Role

CALLER = Caller(key=HOST.public_key, label="beta", role=Role.VIEW)


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    memory = Memory(tmp_path / "state.db")
    memory.open()
    yield memory
    memory.close()


def head(number: int, signer: Identity = HOST) -> bytes:
    return sign_head(number, b"h" * 32, now=5.0, signer=signer)


async def told(memory: Memory, *pieces: bytes, ends: bool = True, keeper: Keeper | None = None) -> bytes:
    """What is answered to a host that tells this."""
    here, there = stream_pair()
    for piece in pieces:
        await here.write(piece)
    if ends:
        here.end()
    async with asyncio.timeout(20):
        await (keeper or Keeper(memory)).serve(there, CALLER)
        return await here.read()


async def kept(memory: Memory) -> bytes:
    return (await memory.records(KEPT)).get(bytes(HOST.public_key), b"")


async def test_the_newest_head_is_kept_and_told_back(memory: Memory) -> None:
    assert await told(memory, head(5)) == b"\0"
    answer = await told(memory, head(7)[:10], head(7)[10:])
    assert answer == bytes([len(head(5))]) + head(5)
    assert await kept(memory) == head(7)
    assert (await told(memory))[1:] == head(7)


async def test_an_older_head_puts_out_no_newer_one(memory: Memory) -> None:
    await told(memory, head(7))
    await told(memory, head(6))
    assert await kept(memory) == head(7)


async def test_a_host_that_tells_too_often_is_not_written_down_each_time(memory: Memory) -> None:
    now = [100.0]
    keeper = Keeper(memory, clock=lambda: now[0])
    for number, later, newest in (
        (1, 0.0, 1),
        (2, 1.0, 1),
        (3, 0.5, 1),
        (4, 0.5, 4),
        (5, 1.9, 4),
        (6, 0.2, 6),
    ):
        now[0] += later
        await told(memory, head(number), keeper=keeper)
        assert await kept(memory) == head(newest)


def test_of_so_many_hosts_only_is_remembered_when_they_told(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "HOSTS_KNOWN", 2)
    keeper = Keeper(memory)
    assert all(keeper._may_keep(bytes([number])) for number in range(5))
    assert len(keeper._kept_at) == 2


@pytest.mark.parametrize("piece", [b"x", bytes(HEAD_BYTES), bytes(9000), head(9, Identity(bytes(32)))])
async def test_what_is_no_head_of_the_caller_is_not_kept(memory: Memory, piece: bytes) -> None:
    await told(memory, head(5))
    await told(memory, piece)
    assert await kept(memory) == head(5)


async def test_a_caller_that_does_not_end_is_given_up(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "ANSWER_S", 0.05)
    assert await told(memory, head(5), ends=False) == b"\0"
    assert await kept(memory) == b""


async def test_a_host_that_goes_away_meanwhile_is_the_links_concern(memory: Memory) -> None:
    here, there = stream_pair()
    End.cut(here)
    with pytest.raises(Exception, match="the link broke"):
        await Keeper(memory).serve(there, CALLER)
