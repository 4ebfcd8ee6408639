import asyncio

from viscript.logs.bell import Bell, heard


async def test_a_ring_wakes_all_who_listen() -> None:
    bell = Bell()
    events = [bell.listen(), bell.listen()]
    bell.ring()
    assert all([await heard(event, 10.0) for event in events])


async def test_a_ring_between_listening_and_waiting_is_not_missed() -> None:
    bell = Bell()
    event = bell.listen()
    bell.ring()
    bell.ring()
    assert await heard(event, 10.0)


async def test_silence_ends_with_the_time() -> None:
    assert not await heard(Bell().listen(), 0.001)
    assert not await heard(None, 0.001)


async def test_waiting_goes_on_until_the_ring() -> None:
    bell = Bell()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(heard(bell.listen(), 10.0))
        await asyncio.sleep(0)
        bell.ring()
    assert task.result()
