from pathlib import Path

import pytest

from tests.support.fake_world import FakeWorld
from tests.support.verbs import say
from viscript.errors import ExitCode
from viscript.pluginhost.spec import DoctorCheck


@pytest.mark.parametrize("command", ["plugins", "pl", "plugins reload", "plugins reload helloworld"])
async def test_plugins_are_listed(command: str) -> None:
    said = await say(FakeWorld(), command)
    assert said.code == 0
    assert "helloworld  loaded" in said.out


async def test_one_plugin_is_shown_with_all_that_is_known() -> None:
    assert "loaded in  0.1s" in (await say(FakeWorld(), "plugins show helloworld")).out
    assert (await say(FakeWorld(), "plugins show nope")).code == ExitCode.NOT_FOUND


async def test_what_plugins_check_is_told_and_fails_with_them() -> None:
    world = FakeWorld()
    assert (await say(world, "plugins doctor")).out == "nothing is wrong with any plugin\n"
    world.plugins.wrong = [DoctorCheck(check="settings", status="warn", text="no plugin", fix="mend")]
    said = await say(world, "plugins doctor")
    assert (said.code, "warn    settings" in said.out) == (0, True)
    world.plugins.wrong.append(DoctorCheck(check="plugin mesh", status="fail"))
    assert (await say(world, "plugins doctor")).code == ExitCode.FAILED


async def test_a_new_plugin_is_written_once(tmp_path: Path) -> None:
    said = await say(FakeWorld(), "plugins new hello", cwd=str(tmp_path))
    assert said.code == 0
    assert all((tmp_path / line).is_file() for line in said.out.split())
    again = await say(FakeWorld(), "plugins new hello", cwd=str(tmp_path))
    assert (again.code, "exists already" in again.err) == (ExitCode.FAILED, True)
