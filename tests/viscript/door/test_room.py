"""How many conversations there may be, and how fast another host may ask."""

import asyncio

import pytest

from viscript.door import room
from viscript.door.room import Room


def test_this_home_and_others_have_room_apart() -> None:
    tried = Room(4)
    assert not any(tried.enter(None) for _ in range(4))
    assert "4 conversations" in tried.enter(None)
    assert tried.enter("a") == ""


def test_one_other_host_has_a_part_of_it() -> None:
    tried = Room(8)
    assert not any(tried.enter("a") for _ in range(2))
    assert "2 conversations of this host" in tried.enter("a")
    assert not any(tried.enter(other) for other in "bcde")
    tried.leave("a")
    tried.leave("a")
    assert tried.enter("a") == ""


def test_all_other_hosts_together_have_no_more_than_this_home() -> None:
    tried = Room(4)
    assert not any(tried.enter(other) for other in "abcd")
    assert "the daemon has 4 conversations" in tried.enter("e")
    for other in "abcde":
        tried.leave(other)
    assert tried.enter("e") == ""


async def test_beyond_its_budget_the_next_command_of_a_host_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "COMMANDS_BURST", 2.0)
    tried, loop = Room(4), asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(4):
        await tried.turn("a")
    assert loop.time() - begun >= 1.8 / room.COMMANDS_PER_S
    begun = loop.time()
    await tried.turn("b")
    for _ in range(1000):
        await tried.turn(None)
    assert tried._budgets.keys() == {"a", "b"}


async def test_only_so_many_hosts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "KNOWN_MAX", 2)
    tried = Room(4)
    for actor in ("a", "b", "a", "c"):
        await tried.turn(actor)
    assert tried._budgets.keys() == {"a", "c"}
