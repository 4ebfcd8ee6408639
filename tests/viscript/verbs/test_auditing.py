import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from signal_bus.identity import Identity
from tests.support.fake_world import FakeWorld, instance
from tests.support.rosters import host, member_of
from tests.support.verbs import say
from viscript.cluster.audit.book import Audit
from viscript.errors import ExitCode
from viscript.store.memory import Memory
from viscript.verbs.table import Role

HOST = Identity(bytes(range(32)))
KEY = "ab" * 32


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[FakeWorld]:
    memory = Memory(tmp_path / "state.db")
    memory.open()
    world = FakeWorld(instance(7, "web"), instance(8, "web#2"))
    world.audit = Audit(memory, HOST, clock=world.now)
    yield world
    memory.close()


async def rows(world: FakeWorld, more: str = "") -> Any:
    return (await say(world, f"audit -o json {more}")).json()


async def test_what_changes_something_is_shown_with_what_came_of_it(world: FakeWorld) -> None:
    await say(world, "la")
    await say(world, "sd 7")
    await say(world, "sd 99")
    done, failed = await rows(world)
    assert (done["argv"], done["state"], done["code"], done["local"]) == (["sd", "7"], "done", 0, True)
    assert (failed["argv"], failed["state"], failed["code"]) == (["sd", "99"], "failed", 5)
    assert (done["verb"], done["role"], done["target"], done["host"]) == ("shutdown", "operate", "7", "here")


async def test_a_refusal_is_shown_with_the_key_that_asked(world: FakeWorld) -> None:
    await say(world, "sd 7", role=Role.VIEW, actor=KEY)
    (row,) = await rows(world, f"--actor {KEY[:8]}")
    assert (row["state"], row["code"], row["actor"], row["local"]) == ("refused", 7, KEY, False)
    assert await rows(world, "--actor local") == []


async def test_a_host_of_the_cluster_is_shown_and_found_by_its_label(world: FakeWorld) -> None:
    beta, cluster = host(1), host(2)
    records = [
        member_of(one, cluster, cluster, label=label) for one, label in ((HOST, "alpha"), (beta, "beta"))
    ]
    world.book = SimpleNamespace(roster=SimpleNamespace(verdict={one.key: one for one in records}))
    await say(world, "sd 7", actor=beta.public_key.hex())
    await say(world, "sd 8", actor=KEY)
    assert [row["actor_label"] for row in await rows(world)] == ["beta", ""]
    assert [row["argv"] for row in await rows(world, "--actor beta")] == [["sd", "7"]]
    assert "beta" in (await say(world, "audit")).out


async def test_people_see_a_line_a_command(world: FakeWorld) -> None:
    await say(world, "send 7 secret words")
    await say(world, "sd 7 8", actor=KEY)
    said = await say(world, "audit")
    assert "secret" not in said.out
    first, second = said.out.splitlines()[1:]
    assert "send 7 '(6 characters)' '(5 characters)'" in first
    assert "local" in first
    assert "abababab" in second
    assert "done" in second


async def test_the_newest_are_shown_or_those_of_a_time(world: FakeWorld) -> None:
    for _ in range(5):
        await say(world, "rs 7")
    assert len(await rows(world, "-n 2")) == 2
    assert len(await rows(world, "--since 1m")) == 5
    assert await rows(world, "-n 0") == []


async def test_what_still_runs_is_told_from_what_a_daemon_left_behind(world: FakeWorld) -> None:
    world.fake.hold = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(say(world, "sd 7"))
        while not (found := await rows(world)):
            await asyncio.sleep(0)
        assert found[0]["state"] == "running"
        before, world.audit = world.audit, Audit(world.audit._memory, HOST, clock=world.now)
        assert (await rows(world))[0]["state"] == "unfinished"
        world.audit = before
        world.fake.hold.set()
        await stopping
    assert (await rows(world))[0]["state"] == "done"


async def test_the_whole_is_checked(world: FakeWorld, tmp_path: Path) -> None:
    await say(world, "sd 7")
    said = await say(world, "audit verify")
    assert (said.code, said.out) == (0, "2 entries, signed by this host and in one chain\n")
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("DELETE FROM audit WHERE number=1")
    other.close()
    said = await say(world, "audit verify -o json")
    assert said.code == ExitCode.FAILED
    assert (said.json()["ok"], said.json()["broken"], said.json()["entries"]) == (False, 2, 0)
    assert "entry 2 is not what this host wrote" in (await say(world, "audit verify")).out


async def test_where_nothing_is_written_that_is_said() -> None:
    said = await say(FakeWorld(), "audit")
    assert said.code == ExitCode.FAILED
    assert said.err == "nothing is written down here\n"


async def test_verbs_a_plugin_runs_are_part_of_its_own_entry(world: FakeWorld) -> None:
    await say(world, "sd 7", covered=True)
    assert await rows(world) == []
