"""A worker process and the socket to it, seen from the daemon."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Final

from viscript.pluginhost import wire

LAST_WORDS_BYTES: Final = 4096
COMMAND: Final = (sys.executable, "-P", "-m", "viscript.pluginhost.worker")


class Process:
    """One worker: send, receive, end. Its output is kept to the last few lines, for the list of plugins."""

    def __init__(
        self, child: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._child = child
        self._reader = reader
        self._writer = writer
        self._words = b""
        self._ending = asyncio.Lock()
        self._epitaph: str | None = None
        assert child.stdout is not None
        self._pipe = child.stdout
        self._output = self._pipe.fileno()
        os.set_blocking(self._output, False)
        asyncio.get_running_loop().add_reader(self._output, self._listen)

    @classmethod
    async def spawn(cls, command: tuple[str, ...] = COMMAND) -> Process:
        """Start a worker. Raises `OSError` when the system has no room for it."""
        ours, theirs = socket.socketpair()
        try:
            child = subprocess.Popen(  # noqa: ASYNC220 (a spawn blocks for a millisecond)
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=wire.MAX_LINE_BYTES)
        return cls(child, reader, writer)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._child.pid

    def send(self, message: wire.ToWorker) -> None:
        """Queue one message; the daemon has few of them open at a time. Raises `WireError`."""
        self._writer.write(wire.encode(message))

    async def receive(self) -> wire.FromWorker | None:
        """The next message; None when the worker is gone. Raises `WireError`. One task calls this."""
        try:
            line = await self._reader.readline()
        except ValueError as exc:
            raise wire.WireError(f"a message of more than {wire.MAX_LINE_BYTES} bytes") from exc
        except ConnectionError:
            return None
        return wire.decode_from_worker(line) if line.endswith(b"\n") else None

    async def end(self) -> str:
        """Kill the worker and what it started, reap it; the answer tells how it ended and its last line."""
        async with self._ending:
            if self._epitaph is None:
                self._epitaph = await self._end()
        return self._epitaph

    async def _end(self) -> str:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        code = await asyncio.to_thread(self._child.wait)
        self._listen()
        asyncio.get_running_loop().remove_reader(self._output)
        self._pipe.close()
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
        last = self._last_line()
        return f"its process: {how}" + (f": {last}" if last else "")

    def _listen(self) -> None:
        """Keep the last of what the plugin printed."""
        with suppress(BlockingIOError):
            data = os.read(self._output, 65536)
            if not data:
                asyncio.get_running_loop().remove_reader(self._output)
            self._words = (self._words + data)[-LAST_WORDS_BYTES:]

    def _last_line(self) -> str:
        lines = self._words.decode(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")
