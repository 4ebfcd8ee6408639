import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from components.mesh.channel import ControlChannel, Method, Nothing
from components.mesh.errors import Gone
from components.mesh.ports import MeshPort
from components.messenger.presence import Presences
from tests.support.mesh import ALICE, CAROL, sessions
from tests.support.messengers import until

HERE = ALICE.public_key


async def test_a_client_is_here_while_it_speaks_and_away_when_it_does_not() -> None:
    presences = Presences(limit=1, liveness_s=0.1)
    with sessions(MeshPort.PRESENCE) as (ours, theirs):
        async with asyncio.TaskGroup() as tasks, ControlChannel(ours) as alice:
            staying = tasks.create_task(presences.stay(theirs, {}))
            started = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < started + 0.2:
                await alice.call("ping", None, Nothing)
                await asyncio.sleep(0.01)
            assert presences.here() == (HERE,)
            assert not presences.has_room(CAROL.public_key)
            assert presences.has_room(HERE)
            await staying
            await alice.ended.wait()
    assert len(presences) == 0
    assert presences.of(HERE) is None


async def test_the_newest_session_of_a_key_takes_the_place_of_the_older() -> None:
    presences = Presences(limit=1)
    told = asyncio.Event()

    async def replaced(_: Nothing) -> None:
        told.set()

    with sessions() as (first, first_there), sessions() as (second, second_there):
        async with (
            asyncio.TaskGroup() as tasks,
            ControlChannel(first, {"replaced": Method(Nothing, replaced)}) as old,
            ControlChannel(second) as new,
        ):
            older = tasks.create_task(presences.stay(first_there, {}))
            await until(lambda: presences.of(HERE))
            newer = tasks.create_task(presences.stay(second_there, {}))
            await told.wait()
            await older
            await old.ended.wait()
            assert presences.here() == (HERE,)
            await new.call("ping", None, Nothing)
            new.end("enough")
            await newer
    assert len(presences) == 0


async def fails(_: ControlChannel) -> None:
    raise ZeroDivisionError


async def gone(_: ControlChannel) -> None:
    raise Gone("the store is away")


async def waits(_: ControlChannel) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("beside", [fails, gone])
async def test_what_fails_beside_a_client_ends_its_session_alone(
    beside: Callable[[ControlChannel], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    presences = Presences(limit=9)
    with sessions() as (_, theirs):
        await presences.stay(theirs, {}, beside)
    assert ("failed" in caplog.text) == (beside is fails)


async def test_what_runs_beside_a_client_ends_with_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    presences = Presences(limit=9)
    with sessions() as (ours, theirs):
        ours.socket.close()
        await presences.stay(theirs, {}, waits)
    assert "came peer=" in caplog.text
    assert "left peer=" in caplog.text
