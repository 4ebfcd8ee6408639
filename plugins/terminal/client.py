"""`python -P -m plugins.terminal.client PEER [COMMAND...]`: a shell, or a command, at the terminal of a peer.

The exit code is the command's, 128 and the number for a signal; 255 when it could not be asked for, or the
connection broke. With a terminal, Enter and `~.` leave a session whose far end does not answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import asyncssh

from components.visor.app import AppError
from components.visor.kit.tasks import cause_of
from plugins.terminal import options, screen
from plugins.terminal.dialling import OUR_FAULT, NoTerminal, connected
from plugins.terminal.escapes import Escapes
from plugins.terminal.options import ShellOptions

PIECE: Final = 256 * 1024
INTERRUPTED: Final = 128 + signal.SIGINT
BROKEN_PIPE: Final = 128 + signal.SIGPIPE
IN, OUT, ERR = 0, 1, 2

Process = asyncssh.SSHClientProcess[bytes]


class _Left(Exception):
    """The person or the reader of our output has had enough; with the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


async def run(given: ShellOptions) -> int:
    """The exit code. Raises `NoTerminal`, `AppError` or `asyncssh.Error`."""
    tty = given.tty if given.tty is not None else not given.command and os.isatty(IN)
    async with connected(given.peer, given.port, given.visor) as connection:
        process = await connection.create_process(
            given.command or None,
            encoding=None,
            request_pty="force" if tty else False,
            term_type=os.environ.get("TERM", "dumb") if tty else None,
            term_size=screen.size(IN),
            term_modes=screen.modes_of(IN),
            env={name: text for name, text in os.environ.items() if name == "LANG" or name.startswith("LC_")},
        )
        try:
            with ExitStack() as stack:
                if tty:
                    stack.enter_context(screen.raw(IN))
                return await Talk(process, tty=tty).run()
        except _Left as left:
            return left.code


class Talk:
    """Between the terminal or the pipes here and a process there."""

    def __init__(self, process: Process, *, tty: bool) -> None:
        self._process = process
        self._tty = tty
        self._escapes = Escapes() if tty else None
        self._interrupted = False
        self._leaving = asyncio.Event()

    async def run(self) -> int:
        """Until it has ended there. Raises `_Left`."""
        process = self._process
        with ExitStack() as stack:
            self._listen(stack)
            try:
                async with asyncio.TaskGroup() as group:
                    waiting = [group.create_task(self._type()), group.create_task(self._leave())]
                    showing = [
                        group.create_task(_show(process.stdout, OUT)),
                        group.create_task(_show(process.stderr, ERR)),
                    ]
                    await asyncio.wait(showing)
                    await process.wait_closed()
                    for task in waiting:
                        task.cancel()
            except BaseExceptionGroup as group_of:
                raise cause_of(group_of) from None
        return _code(process)

    def _listen(self, stack: ExitStack) -> None:
        loop = asyncio.get_running_loop()
        heard = {signal.SIGWINCH: self._resized} if self._tty else {signal.SIGINT: self._interrupt}
        for number, what in heard.items():
            loop.add_signal_handler(number, what)
            stack.callback(loop.remove_signal_handler, number)

    def _resized(self) -> None:
        if not self._process.is_closing():
            self._process.change_terminal_size(*screen.size(IN))

    def _interrupt(self) -> None:
        """Once for the command, twice for us."""
        if self._interrupted or self._process.is_closing():
            self._leaving.set()
        else:
            self._interrupted = True
            self._process.send_signal("INT")

    async def _leave(self) -> None:
        await self._leaving.wait()
        raise _Left(INTERRUPTED)

    async def _type(self) -> None:
        """What comes here, to the process there."""
        stdin = self._process.stdin
        try:
            while data := await _read(IN):
                if self._escapes is not None:
                    data = self._escapes.feed(data)
                stdin.write(data)
                if self._escapes is not None and self._escapes.is_leaving:
                    raise _Left(OUR_FAULT)
                await stdin.drain()
            stdin.write_eof()
        except (OSError, asyncssh.Error):
            return  # it reads no more; its end is told elsewhere


async def _show(source: asyncssh.SSHReader[bytes], descriptor: int) -> None:
    try:
        while data := await source.read(PIECE):
            await asyncio.to_thread(_write, descriptor, data)
    except BrokenPipeError as exc:
        raise _Left(BROKEN_PIPE) from exc


def _write(descriptor: int, data: bytes) -> None:
    with memoryview(data) as view:
        at = 0
        while at < len(view):
            at += os.write(descriptor, view[at:])


async def _read(descriptor: int) -> bytes:
    """What there is. The descriptor is others' too and stays as it is: we only wait until it can be read."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    try:
        loop.add_reader(descriptor, came.set)
    except OSError:  # a file: it can always be read
        return os.read(descriptor, PIECE)
    try:
        await came.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, PIECE)


def _code(process: Process) -> int:
    code = process.returncode
    if code is None:
        raise NoTerminal("the connection broke; what it ran was hung up")
    return code if code >= 0 else 128 - code


def main(words: Sequence[str]) -> int:
    """Run it; the exit code."""
    given = options.shell(words)
    asyncssh.set_log_level(logging.CRITICAL)
    try:
        return asyncio.run(run(given))
    except (NoTerminal, AppError, asyncssh.Error, OSError) as exc:
        print(f"ssh: {str(exc) or type(exc).__name__}", file=sys.stderr)
        return OUR_FAULT
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
