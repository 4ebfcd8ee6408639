"""A worker process: what it says last is kept, and nothing of it stays."""

import sys

import pytest

from viscript.pluginhost.process import Process
from viscript.pluginhost.wire import Cancel, WireError


async def test_the_last_line_and_the_way_it_ended_are_told() -> None:
    process = await Process.spawn(
        (sys.executable, "-c", "print('one\\n' * 9000 + 'last words\\n'); raise SystemExit(4)")
    )
    assert await process.receive() is None
    assert await process.end() == "its process: exit 4: last words"
    assert await process.end() == "its process: exit 4: last words"


async def test_a_process_that_hangs_is_killed() -> None:
    process = await Process.spawn((sys.executable, "-c", "import time; time.sleep(60)"))
    assert await process.end() == "its process: ended by SIGKILL"


async def test_what_is_no_message_is_a_wire_error() -> None:
    text = 'import os; os.write(0, b\'nonsense\\n{"t":"done"\'); os.read(0, 9)'
    process = await Process.spawn((sys.executable, "-c", text))
    with pytest.raises(WireError):
        await process.receive()
    process.send(Cancel(id=1))
    assert await process.receive() is None  # a torn line at the end is no message
    await process.end()


async def test_a_program_that_is_not_there_is_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        await Process.spawn(("/nowhere/at/all",))
