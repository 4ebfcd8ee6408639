"""Running an `@app` function as a process, by hand and under a signal server."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signal_bus.delegate import BaseDelegate
from signal_bus.ids import Generation, SeqId
from signal_bus.messages import Hello
from signal_bus.server import SignalServer
from tests.support.plugins import write
from viscript import plugin_run

APPS = """
    import asyncio
    from viscript.plugin import app

    @app
    async def counts(ctx, up_to: int, step: int = 1):
        print(ctx.name, list(range(0, up_to, step)), ctx.settings, ctx.supervised, flush=True)

    @app(name="waits-long")
    async def waits(ctx):
        print("up", flush=True)
        await ctx.stopped()
        print("down", flush=True)

    @app
    async def forever(ctx):
        print("up", flush=True)
        await asyncio.sleep(3600)

    @app
    async def fails(ctx):
        raise RuntimeError("no such luck")
"""


@asynccontextmanager
async def running(*words: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The runner as a process of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VISCRIPT_", "SIGNAL_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "viscript.plugin_run",
        *words,
        env={**own, "PYTHONPATH": os.getcwd(), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode().rstrip()


async def end_of(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(20):
        return await process.wait()


async def test_words_and_settings_reach_the_function(tmp_path: Path) -> None:
    path = str(write(tmp_path, "apps", APPS))
    async with running(path, "counts", "6", "2", VISCRIPT_SETTINGS='{"a": 1}') as process:
        assert await line_of(process) == "counts [0, 2, 4] {'a': 1} False"
        assert await end_of(process) == 0


@pytest.mark.parametrize("name, last", [("waits-long", "down"), ("forever", "")])
async def test_by_hand_a_signal_stops_it(tmp_path: Path, name: str, last: str) -> None:
    async with running(str(write(tmp_path, "apps", APPS)), name) as process:
        assert await line_of(process) == "up"
        process.send_signal(signal.SIGTERM)
        assert await line_of(process) == last
        assert await end_of(process) == 0


async def test_a_function_that_raises_exits_1_with_its_traceback(tmp_path: Path) -> None:
    async with running(str(write(tmp_path, "apps", APPS)), "fails") as process:
        _, error = await process.communicate()
        assert process.returncode == 1
        assert b"RuntimeError: no such luck" in error
        assert b"ExceptionGroup" not in error


class Home(BaseDelegate):
    """Waits for the app to join."""

    def __init__(self) -> None:
        self.joined: asyncio.Queue[Hello] = asyncio.Queue()

    def registered(self, seq: SeqId, generation: Generation, hello: Hello) -> None:
        self.joined.put_nowait(hello)


@pytest.mark.parametrize("name, last", [("waits-long", "down"), ("forever", "")])
async def test_under_a_server_it_answers_ping_and_shutdown(
    tmp_path: Path, short_tmp: Path, name: str, last: str
) -> None:
    home = Home()
    endpoint = f"ipc://{short_tmp}/apps.ipc"
    server = SignalServer(home_id="h", apps_endpoint=endpoint, delegate=home)
    given = {"VISCRIPT_ENDPOINT": endpoint, "VISCRIPT_SEQ": "3", "VISCRIPT_GENERATION": "1"}
    async with server, running(str(write(tmp_path, "apps", APPS)), name, **given) as process:
        async with asyncio.timeout(20):
            assert (await home.joined.get()).name == name
        assert await server.ping(SeqId(3), 2.0) < 2.0
        assert await line_of(process) == "up"
        await server.shutdown(SeqId(3), 5.0)
        assert await line_of(process) == last
        assert await end_of(process) == 0


def test_what_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write(tmp_path, "apps", APPS))
    assert plugin_run.main([]) == 2
    assert plugin_run.main([path, "cuonts"]) == 2
    assert plugin_run.main([path, "counts", "x"]) == 2
    assert plugin_run.main([str(tmp_path / "no.py"), "x"]) == 2
    assert plugin_run.main(["no.such.module", "x"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("usage: ")
    assert lines[1].endswith("has no app 'cuonts'; it has counts, fails, forever, waits-long")
    assert lines[2] == "counts: argument up_to: int expected, got 'x'"
    assert len(lines) == 5


def test_a_module_is_found_as_well_as_a_file() -> None:
    assert plugin_run.find("plugins.helloworld", "helloworld").__name__ == "helloworld"


def test_settings_that_are_none_are_none() -> None:
    assert plugin_run.settings_of({}) == {}
    assert plugin_run.settings_of({"VISCRIPT_SETTINGS": "[1]"}) == {}
