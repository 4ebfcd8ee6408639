"""One session of an SSH connection: a login shell or a command, on a terminal or on pipes.

client -> stdin of the program        until the client ends it
stdout, stderr -> client              only as fast as it reads
sizes and signals of the client       to the terminal, to the program's group
the program ends                      what it wrote is sent, then how it ended
the client goes, or we are stopped    the program's session is hung up, then killed
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import termios
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import asyncssh

from components.visor.kit.tasks import first_of
from plugins.terminal import modes
from plugins.terminal.account import Account, environment
from plugins.terminal.carrier import Carrier
from plugins.terminal.child import Child, on_pipes, on_terminal
from plugins.terminal.descriptor import PIECE, Descriptor
from plugins.terminal.visitors import Use

log = logging.getLogger(__name__)

CANNOT_RUN: Final = 126
LOOK_S: Final = 1.0
_END_KEY: Final = b"\x04"
_SIGNALS: Final = frozenset({"HUP", "INT", "QUIT", "TERM", "KILL", "USR1", "USR2", "ALRM", "PIPE", "ABRT"})

Process = asyncssh.SSHServerProcess[bytes]


@dataclass(frozen=True)
class Ends:
    """Our ends of the program: with a terminal the first two are one, and there is no third."""

    stdin: Descriptor
    stdout: Descriptor
    stderr: Descriptor | None
    terminal: bool


class Session:
    """Serves one `process` of asyncssh."""

    def __init__(self, process: Process, carrier: Carrier, account: Account, use: Use) -> None:
        self._process = process
        self._carrier = carrier
        self._account = account
        self._use = use

    async def serve(self) -> None:
        """From the start of the program until nothing of it is left."""
        with ExitStack() as stack:
            try:
                child, ends = self._spawn(stack)
            except (OSError, termios.error) as exc:
                self._process.stderr.write(f"{self._account.shell}: {exc}\n".encode())
                self._process.exit(CANNOT_RUN)
                self._use.how = "could not start"
                return
            try:
                await first_of(self._carry(child, ends), self._client_goes())
            finally:
                self._use.until = time.time()
                stack.close()  # our end of the terminal: the kernel tells those that have it open
                await child.end()

    # -- the start

    def _spawn(self, stack: ExitStack) -> tuple[Child, Ends]:
        process, account = self._process, self._account
        term = process.term_type
        environ = environment(os.environ, account, process.env, self._use.peer, term=term)
        spawn = self._on_terminal if term is not None else self._on_pipes
        return spawn(stack, environ, account.argv(process.command))

    def _on_terminal(self, stack: ExitStack, environ: dict[str, str], argv: list[str]) -> tuple[Child, Ends]:
        master, slave = os.openpty()
        try:
            ours = Descriptor(master)
            stack.callback(ours.close)
            modes.apply(slave, self._process.term_modes, self._process.term_size)
            path = os.ttyname(slave)
            child = Child(self._account.shell, argv, {**environ, "SSH_TTY": path}, on_terminal(path))
        finally:
            os.close(slave)
        return child, Ends(ours, ours, None, terminal=True)

    def _on_pipes(self, stack: ExitStack, environ: dict[str, str], argv: list[str]) -> tuple[Child, Ends]:
        theirs = list[int]()
        ours = list[Descriptor]()
        try:
            for number in range(3):
                reading, writing = os.pipe()
                ours.append(Descriptor(reading if number else writing))
                stack.callback(ours[-1].close)
                theirs.append(writing if number else reading)
            child = Child(self._account.shell, argv, environ, on_pipes(*theirs))
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return child, Ends(ours[0], ours[1], ours[2], terminal=False)

    # -- while it runs

    async def _carry(self, child: Child, ends: Ends) -> None:
        """Until the program has ended and all it wrote is on its way."""
        process = self._process
        async with asyncio.TaskGroup() as group:
            typing = group.create_task(self._type(child, ends))
            group.create_task(self._show(ends.stdout, process.stdout))
            if ends.stderr is not None:
                group.create_task(self._show(ends.stderr, process.stderr))
            await child.ended()
            typing.cancel()
            ends.stdout.finish()
            if ends.stderr is not None:
                ends.stderr.finish()
        self._tell(child.code())

    async def _client_goes(self) -> None:
        """Until the client closed the channel.

        asyncssh takes a channel for closed once its input was read, which a program that never reads does not
        let happen: that it is closing has to be looked for.
        """
        channel = self._process.channel
        while not channel.is_closing():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await channel.wait_closed()
        channel.abort()  # what was not read is for nobody

    async def _show(self, source: Descriptor, target: asyncssh.SSHWriter[bytes]) -> None:
        try:
            while data := await source.read():
                target.write(data)
                self._use.sent += len(data)
                await target.drain()
                await self._carrier.drained()
        except (OSError, asyncssh.Error):
            source.close()  # nobody listens: the program is told as by a broken pipe

    async def _type(self, child: Child, ends: Ends) -> None:
        try:
            while data := await self._typed(child, ends):
                self._use.received += len(data)
                await ends.stdin.write(data)
            if ends.terminal:
                await ends.stdin.write(_END_KEY)
            else:
                ends.stdin.close()
        except (OSError, asyncssh.Error) as exc:
            log.debug("input of pid=%d: %s", child.pid, exc)  # it reads no more, or the client is gone

    async def _typed(self, child: Child, ends: Ends) -> bytes:
        """The next bytes of the client; what it tells between them is done."""
        while True:
            try:
                return await self._process.stdin.read(PIECE)
            except asyncssh.TerminalSizeChanged as exc:
                _resize(ends, exc.term_size)
            except asyncssh.SignalReceived as exc:
                _signal(child, exc.signal)
            except asyncssh.BreakReceived:
                continue

    # -- its end

    def _tell(self, code: int) -> None:
        process = self._process
        self._use.how = f"exit {code}" if code >= 0 else f"signal {-code}"
        try:
            if code >= 0:
                process.exit(code)
            else:
                process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
        except (OSError, asyncssh.Error):
            self._use.how += ", the client was gone"


def _resize(ends: Ends, size: tuple[int, int, int, int]) -> None:
    if ends.terminal and ends.stdout.number >= 0:
        modes.resize(ends.stdout.number, size)


def _signal(child: Child, name: str) -> None:
    if name in _SIGNALS:
        child.signal(signal.Signals["SIG" + name])
