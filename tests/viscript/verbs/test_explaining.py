import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import SCREEN, say
from viscript.diagnose.conflict import PortConflict
from viscript.diagnose.why import WhyReport
from viscript.states import State
from viscript.supervisor.api import Exit
from viscript.verbs.explaining import screen


@pytest.fixture
def world() -> FakeWorld:
    done = instance(7, "web", State.DONE, last_exit=Exit(code=0), reason="exit 0")
    return FakeWorld(done, instance(8, "db"))


async def test_one_target_is_an_object_with_the_published_fields(world: FakeWorld) -> None:
    found = (await say(world, "why 7 -o json")).json()
    assert {"id", "state", "cause", "text", "next", "conflict", "last_lines"} <= set(found)
    assert (found["id"], found["state"]) == (7, "done")


async def test_several_are_a_list(world: FakeWorld) -> None:
    assert [row["id"] for row in (await say(world, "why all -o json")).json()] == [7, 8]


async def test_people_get_one_screen(world: FakeWorld) -> None:
    assert (await say(world, "why 7")).out.startswith("[7] web is done\n  because")


def test_what_the_app_wrote_is_made_harmless() -> None:
    report = WhyReport(
        id=7, state="backoff", cause="port-conflict", text="port 80 is held\nby pid 9", next="again in 1 s",
        conflict=PortConflict(port=80, pid=9, process="nginx"), last_lines=("bind: \x1b[2J",),
    )  # fmt: skip
    text = screen(report, "web", SCREEN)
    assert "\x1b" not in text
    assert "because   port 80 is held\n            by pid 9" in text
    assert "next      again in 1 s" in text
