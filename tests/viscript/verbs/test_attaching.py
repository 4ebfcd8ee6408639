import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.states import State
from viscript.verbs.table import Attach


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "web"), instance(8, "old", State.FATAL))


async def test_attach_asks_for_the_connection(world: FakeWorld) -> None:
    assert (await say(world, "at 7")).attach == Attach(seq=7)
    assert (await say(world, "at -r 7")).attach == Attach(seq=7, read_only=True)


@pytest.mark.parametrize(
    "command, mode, code",
    [
        ("at 8", "oneshot", ExitCode.NOT_HEALTHY),
        ("at 9", "oneshot", ExitCode.NOT_FOUND),
        ("at all", "oneshot", 0),
        ("at 7", "script", ExitCode.USAGE),
        ("at 7", "api", ExitCode.USAGE),
    ],
)
async def test_attach_refuses_what_cannot_be_shown(
    world: FakeWorld, command: str, mode: str, code: int
) -> None:
    assert (await say(world, command, mode=mode)).code == code


async def test_detach_tells_how_many_left(world: FakeWorld) -> None:
    assert (await say(world, "dt 7")).out == "[7] web: 0 viewers detached\n"
