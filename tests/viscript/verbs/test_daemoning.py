import pytest

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import say
from viscript import __version__
from viscript.pluginhost.spec import DoctorCheck


async def test_the_daemon_tells_who_it_is() -> None:
    found = (await say(FakeWorld(instance(7, "web")), "daemon status -o json")).json()
    assert found == {
        "pid": 41, "keeper_pid": 42, "home": "/h", "config": "", "version": "0.1.0",
        "uptime_seconds": 100.0, "apps": 1, "store": "", "faults": [],
    }  # fmt: skip


async def test_the_daemon_tells_what_is_wrong_with_its_plugins() -> None:
    world = FakeWorld()
    world.plugins.wrong = [DoctorCheck(check="plugin mesh", status="fail", text="unknown key")]
    assert (await say(world, "daemon status -o json")).json()["faults"] == ["plugin mesh: unknown key"]
    assert (await say(world, "daemon status")).err == "plugin mesh: unknown key\n"


@pytest.mark.parametrize("option, all_too", [("", False), ("--stop-all", True)])
async def test_the_daemon_ends_and_the_apps_only_when_asked(option: str, all_too: bool) -> None:
    world = FakeWorld()
    said = await say(world, f"daemon stop {option}")
    assert (said.code, world.stopped) == (0, [all_too])


async def test_whoami_tells_the_key() -> None:
    found = (await say(FakeWorld(), "whoami -o json")).json()
    assert set(found) == {"public_key", "words", "label", "version", "bus_key"}
    assert found["label"] == "here"


async def test_the_version_needs_no_daemon() -> None:
    assert (await say(FakeWorld(), "v -o json")).json()["version"] == __version__
