"""Short commands: how they end, and that nothing of them stays."""

import asyncio
from pathlib import Path

import psutil
import pytest

from viscript.supervisor.commands import run

PATH = {"PATH": "/usr/bin:/bin"}


def hanging(folder: Path) -> tuple[str, ...]:
    """A command that never ends, with a child; both pids are in `pids`."""
    return ("/bin/sh", "-c", f"sleep 60 & echo $$ $! > {folder}/new; mv {folder}/new {folder}/pids; wait")


async def pids(folder: Path) -> list[int]:
    async with asyncio.timeout(10):
        while not (folder / "pids").exists():
            await asyncio.sleep(0.005)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


async def gone(found: list[int]) -> None:
    """The kernel may take a moment to let go of what was killed."""
    async with asyncio.timeout(10):
        while any(psutil.pid_exists(pid) and _lives(pid) for pid in found):
            await asyncio.sleep(0.005)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_it_runs_in_its_folder_with_its_environment(tmp_path: Path) -> None:
    code = await run(
        ("/bin/sh", "-c", 'echo "$WORD" > said; exit 3'), cwd=str(tmp_path), seconds=20, env={"WORD": "x"}
    )
    assert code == 3
    assert (tmp_path / "said").read_text() == "x\n"


async def test_an_end_by_a_signal_is_negative() -> None:
    assert await run(("/bin/sh", "-c", "kill -15 $$"), cwd="/", seconds=20) == -15


async def test_what_is_missing_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        await run(("/nonexistent",), cwd="/", seconds=20)


async def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    task = asyncio.get_running_loop().create_task(run(hanging(tmp_path), cwd="/", seconds=1.0, env=PATH))
    found = await pids(tmp_path)
    with pytest.raises(TimeoutError):
        await task
    await gone(found)


async def test_what_nobody_waits_for_any_more_is_ended_with_its_children(tmp_path: Path) -> None:
    task = asyncio.get_running_loop().create_task(run(hanging(tmp_path), cwd="/", seconds=60, env=PATH))
    found = await pids(tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(found)
