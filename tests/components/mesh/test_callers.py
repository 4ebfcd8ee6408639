from contextlib import AsyncExitStack

from components.mesh.callers import Callers
from components.mesh.channel import ControlChannel
from tests.support.mesh import sessions


async def test_a_key_that_opens_one_too_many_ends_its_oldest() -> None:
    callers = Callers(most=9, each=2)
    async with AsyncExitStack() as stack:
        channels = []
        for _ in range(3):
            _, theirs = stack.enter_context(sessions())
            channels.append(await stack.enter_async_context(ControlChannel(theirs)))
            stack.enter_context(callers.holding(channels[-1]))
        assert [channel.ended.is_set() for channel in channels] == [True, False, False]
        assert channels[0].why == "a newer one took its place"
    assert len(callers) == 0


async def test_it_is_full_at_its_bound_and_has_room_again() -> None:
    callers = Callers(most=1, each=2)
    with sessions() as (ours, theirs):
        async with ControlChannel(theirs) as bob, ControlChannel(ours):
            assert not callers.full
            with callers.holding(bob):
                assert (callers.full, len(callers)) == (True, 1)
    assert not callers.full
