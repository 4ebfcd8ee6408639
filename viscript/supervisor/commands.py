"""A short command of the configuration: a check, or what runs before a stop. It never outlives its time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence


async def run(argv: Sequence[str], *, cwd: str, seconds: float, env: Mapping[str, str] | None = None) -> int:
    """The exit status; negative for a signal.

    Raises OSError when it cannot be started, TimeoutError when it took too long. Whatever ends the
    waiting, also a cancellation, ends the command with all it started in its session.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            return await process.wait()
    except BaseException:
        _kill(process)
        await process.wait()
        raise


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
