import asyncio

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript.verbs.naming import called, shown_id


def test_an_id_is_a_number_unless_the_caller_sits_elsewhere() -> None:
    assert shown_id(7) == "7"
    with called("m2"):
        assert shown_id(7) == "m2/7"
    assert shown_id(7) == "7"


async def test_each_task_shows_ids_for_its_own_caller() -> None:
    async def shown(host: str) -> str:
        with called(host):
            await asyncio.sleep(0)
            return shown_id(1)

    assert list(await asyncio.gather(shown("a"), shown("b"), shown(""))) == ["a/1", "b/1", "1"]


async def test_text_for_people_names_ids_that_can_be_typed_there() -> None:
    world = FakeWorld(instance(7, "web"))
    for command in ("la", "ping 7", "ru", "sd 7", "rs 7", "why 7", "la -o name"):
        said = await say(world, command, called="m2")
        assert "m2/7" in said.out, command
    assert (await say(world, "la -o json", called="m2")).json()[0]["id"] == 7
    world.fake.silent.add(7)
    assert "try: why m2/7" in (await say(world, "ping 7", called="m2")).err
