"""`viscript mesh nc` as ssh would use it: a command with pipes, in front of a daemon and a visor."""

import asyncio
import sys
from pathlib import Path

from components.visor.app import App
from tests.support.home import ScratchHome
from tests.support.terminal import ENTER, Terminal

PORT = 700
CONFIG = """\
apps: {}
plugins:
  settings:
    mesh: {listen: "127.0.77.2:0", alone: true}
"""


async def shout(app: App) -> None:
    """Says so when it has begun, and answers each line in capitals."""
    async for stream in app.listen(PORT):
        async with stream:
            stream.write(b"shouting\n")
            async for line in stream:
                stream.write(line.upper())
                await stream.drain()


async def test_pipes_and_terminals_reach_an_app_by_key(scratch_home: ScratchHome) -> None:
    await asyncio.to_thread(scratch_home.start_daemon, CONFIG)
    (await asyncio.to_thread(scratch_home.viscript, "s", "visor", timeout=90)).ok()
    socket = scratch_home.root / "state" / "visor" / "app.sock"
    async with App.connect(str(socket)) as app, asyncio.TaskGroup() as group:
        serving = group.create_task(shout(app))
        key = app.key.hex()
        told = await asyncio.to_thread(
            scratch_home.viscript, "mesh", "nc", key, str(PORT), stdin="one\ntwo\n"
        )
        assert told.ok().out == "shouting\nONE\nTWO\n"
        await asyncio.to_thread(at_a_prompt, scratch_home, key)
        serving.cancel()
    silent = await asyncio.to_thread(scratch_home.viscript, "mesh", "nc", key, str(PORT))
    assert (silent.code, silent.out) == (3, "")
    assert "nobody listens" in silent.err


def at_a_prompt(home: ScratchHome, key: str) -> None:
    """Typed lines go there, and the prompt is back after the end of input."""
    with Terminal([sys.executable, "-P", "-m", "viscript"], home.environ) as terminal:
        terminal.wait_for_input("viscript>")
        terminal.type(f"mesh nc {key} {PORT}{ENTER}")
        terminal.wait_for("shouting")  # what is typed before is the prompt's
        terminal.type(f"hello{ENTER}")
        terminal.wait_for("HELLO")
        terminal.type("\x04")
        terminal.wait_for_input("viscript>")


def test_in_a_script_it_is_refused(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(CONFIG)
    answer = scratch_home.viscript("-c", "mesh nc mike 700")
    assert (answer.code, answer.out) == (2, "")
    assert "needs a command of its own" in answer.err
    assert scratch_home.viscript(stdin="mesh nc mike 700\n").code == 2
    assert not Path(scratch_home.root, "state", "visor", "app.sock").exists()
