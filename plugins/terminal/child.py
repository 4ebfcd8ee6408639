"""A program of a session: the leader of a session of processes that ends as a whole.

It is spawned with its terminal or its pipes, and no code of ours runs in between. Once it has ended, or the
peer has gone, what is left of its session is hung up, and killed after a grace. Only then is the leader
reaped: until then nobody else can have its number.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

log = logging.getLogger(__name__)

GRACE_S: Final = 3.0  # from the hang-up to the kill
STANDARD: Final = 2
KILLED_S: Final = 5.0
LOOK_S: Final = 0.02
HAS_PIDFD: Final = hasattr(os, "pidfd_open")
_IGNORED: Final = (signal.SIGPIPE, signal.SIGXFSZ)  # by Python, which a program must not inherit


def keep_to_ourselves() -> None:
    """Let no program inherit what we inherited; the standard three are given anew to each."""
    for number in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        with contextlib.suppress(OSError):  # the one that the listing itself had
            if number > STANDARD:
                os.set_inheritable(number, False)


FileActions = Sequence[tuple[Any, ...]]  # Any: what `os.posix_spawn` takes


def on_terminal(path: str) -> FileActions:
    """The terminal at `path` is all three, and controls the session: its leader opens it first."""
    return (
        (os.POSIX_SPAWN_OPEN, 0, path, os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    )


def on_pipes(stdin: int, stdout: int, stderr: int) -> FileActions:
    """Three descriptors of ours, which none of them may be already."""
    return tuple((os.POSIX_SPAWN_DUP2, ours, at) for at, ours in enumerate((stdin, stdout, stderr)))


class Child:
    """Runs from the start. Raises `OSError` when the program cannot be executed."""

    def __init__(
        self, program: str, argv: Sequence[str], environ: Mapping[str, str], actions: FileActions
    ) -> None:
        self.pid = os.posix_spawn(
            program, list(argv), environ, file_actions=actions, setsid=True, setsigdef=_IGNORED
        )
        self._is_reaped = False

    async def ended(self) -> None:
        """Wait for the leader's end."""
        if HAS_PIDFD:
            await _told_by_pidfd(self.pid)
        else:
            await _told_by_thread(self.pid)

    def code(self) -> int:
        """How the leader ended, once it did: its exit code, negative for a signal."""
        told = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        assert told is not None  # without WNOHANG there is an answer
        return told.si_status if told.si_code == os.CLD_EXITED else -told.si_status

    def signal(self, number: int) -> None:
        """To the leader's group."""
        if not self._is_reaped:
            _send(self.pid, number, os.killpg)

    async def end(self, grace_s: float = GRACE_S) -> None:
        """End all of the session that is left. Cancelled, it ends it at once."""
        try:
            await self._hang_up(grace_s)
        finally:
            for pid in self._left():
                _send(pid, signal.SIGKILL, os.kill)
        try:
            async with asyncio.timeout(KILLED_S):
                await self.ended()
        except TimeoutError:
            log.warning("pid=%d was killed and is not gone: the system does not let go of it", self.pid)
            return
        self._is_reaped = True
        os.waitpid(self.pid, 0)  # noqa: ASYNC222 (it has ended: this takes the answer)

    async def _hang_up(self, grace_s: float) -> None:
        for pid in self._left():
            _send(pid, signal.SIGHUP, os.kill)
            _send(pid, signal.SIGCONT, os.kill)
        end = asyncio.get_running_loop().time() + grace_s
        while self._left() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 (no system tells)
            await asyncio.sleep(LOOK_S)

    def _left(self) -> list[int]:
        """All of the session that run."""
        return [pid for pid in psutil.pids() if _session(pid) == self.pid and _runs(pid)]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _send(pid: int, number: int, how: Any) -> None:  # Any: os.kill or os.killpg
    try:
        how(pid, number)
    except ProcessLookupError:
        return  # it has ended meanwhile


async def _told_by_pidfd(pid: int) -> None:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    descriptor = os.pidfd_open(pid)
    try:
        loop.add_reader(descriptor, _set, ended)
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _told_by_thread(pid: int) -> None:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def wait() -> None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        try:
            loop.call_soon_threadsafe(_set, ended)
        except RuntimeError:
            return  # the loop has ended before the program did

    threading.Thread(target=wait, daemon=True).start()
    await ended


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
