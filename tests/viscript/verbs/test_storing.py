"""`store status`."""

from __future__ import annotations

from pathlib import Path

from tests.support.fake_world import FakeWorld
from tests.support.verbs import say
from viscript.statestore.access import Access
from viscript.statestore.held import HeldStore
from viscript.statestore.open import open_store
from viscript.statestore.sqlite import SqliteStore


def world_with(url: str, home: Path) -> FakeWorld:
    world = FakeWorld()
    world.store = HeldStore(url, lambda: open_store(url, Access(), home=home))
    return world


async def test_a_store_that_nobody_used_is_not_opened_for_the_question(tmp_path: Path) -> None:
    world = world_with("sqlite://", tmp_path)
    said = await say(world, "store status")
    assert (said.code, said.out) == (0, "sqlite://: not used yet\n")
    assert not (tmp_path / "store.db").exists()


async def test_a_store_in_use_is_looked_at(tmp_path: Path) -> None:
    world = world_with("sqlite://", tmp_path)
    await world.store.get("a")
    found = (await say(world, "store status -o json")).json()
    assert found["ok"]
    assert found["members"] == [{"member": f"{tmp_path}/store.db", "ok": True, "text": "revision 1"}]
    await world.store.close()


async def test_a_store_that_is_away_is_told_with_each_member_and_exits_1(tmp_path: Path) -> None:
    world = world_with("etcd://127.0.0.1:1,127.0.0.1:2", tmp_path)
    await world.store.look(timeout=0.3)
    said = await say(world, "store status -t 0.3")
    assert said.code == 1
    lines = said.out.splitlines()
    assert "etcd is away" in lines[0]
    assert lines[1:] == [
        "  127.0.0.1:1  DOWN  Connection refused",
        "  127.0.0.1:2  DOWN  Connection refused",
    ]
    await world.store.close()


async def test_a_store_on_one_host_for_several_says_what_is_not_to_be_had(tmp_path: Path) -> None:
    world = FakeWorld()

    async def opens() -> SqliteStore:
        store = SqliteStore(tmp_path / "store.db", shared=True)
        await store.open()
        return store

    world.store = HeldStore("host://alpha", opens)
    await world.store.get("a")
    said = await say(world, "store status")
    assert said.code == 0
    assert "no failover: while the host that keeps it is away" in said.err
    assert not (await say(world, "store status -o json")).json()["failover"]
    await world.store.close()


async def test_a_daemon_without_a_store_says_so() -> None:
    said = await say(FakeWorld(), "store status")
    assert said.code == 1
    assert "holds no state store" in said.err
