"""A plugin in its own process: it rests when idle, is started again, and gives up after three deaths."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.support.plugins import source, until, write
from viscript.errors import VerbError
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.remote import DEATHS, Remote
from viscript.pluginhost.wire import CallData

from tests.viscript.pluginhost.test_holder import NoPort  # isort: skip

TEXT = """
    import os
    from viscript.plugin import DoctorCheck, VerbSpec, hookimpl

    async def die(call):
        os.abort()

    @hookimpl
    def viscript_register_verbs(register):
        register(VerbSpec(name="die", summary="s"), die)

    @hookimpl
    def viscript_doctor():
        return [DoctorCheck(check=str(os.getpid()), status="pass")]
"""


async def pid_of(plugin: Remote) -> int:
    (check,) = await plugin.hook("viscript_doctor")
    return int(check["check"])


async def test_an_idle_plugin_has_no_process_and_gets_one_when_it_is_asked(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        plugin = Remote(source(write(tmp_path, "p", TEXT)), {}, group, lambda: None, idle_s=0.2)
        await plugin.load(10.0)
        first = await pid_of(plugin)
        assert await pid_of(plugin) == first
        await until(
            lambda: not Path(f"/proc/{first}").exists() if Path("/proc").exists() else not alive(first)
        )
        assert await pid_of(plugin) != first
        await plugin.close()
        with pytest.raises(PluginError, match="was unloaded"):
            await plugin.hook("viscript_doctor")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_three_deaths_in_a_row_are_the_last(tmp_path: Path) -> None:
    changes: list[int] = []
    async with asyncio.TaskGroup() as group:
        plugin = Remote(source(write(tmp_path, "p", TEXT)), {}, group, lambda: changes.append(1))
        await plugin.load(10.0)
        for _ in range(DEATHS):
            assert not plugin.tally.failed
            with pytest.raises(VerbError, match="ended by SIGABRT"):
                await plugin.verb("die", CallData(args={}), NoPort())
        assert plugin.tally.failed.startswith("it died 3 times in a row")
        assert changes
        with pytest.raises(VerbError, match="`plugins reload p` loads it again"):
            await plugin.verb("die", CallData(args={}), NoPort())
        await plugin.close()
