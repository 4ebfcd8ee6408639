"""A cable that can be cut: `python -m bench.mesh.faults.proxy PORT`.

Every connection to that port of 127.0.0.2 is carried to the same port of 127.0.0.1. SIGUSR1 breaks all of
them off with RST, and new ones are carried on. Stopped, it swallows; killed, it is gone.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

CABLED: Final = "127.0.0.2"
BLOCK: Final = 256 * 1024
_AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close means RST


class Cable:
    """All connections that are carried now."""

    def __init__(self, target: int, tasks: asyncio.TaskGroup) -> None:
        self._target = target
        self._tasks = tasks
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Carry what comes, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            near, _ = await loop.sock_accept(listener)
            near.setblocking(False)
            self._tasks.create_task(self._carry(near))

    def cut(self) -> None:
        """Break all connections off."""
        for pair in self._pairs:
            for sock in pair:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    async def _carry(self, near: socket.socket) -> None:
        far = socket.socket()
        far.setblocking(False)
        pair = (near, far)
        try:
            await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self._target))
            for sock in pair:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.add(pair)
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(near, far))
                both.create_task(_copy(far, near))
        except OSError:
            pass
        finally:
            self._pairs.discard(pair)
            for sock in pair:
                sock.close()


async def _copy(one: socket.socket, other: socket.socket) -> None:
    """One direction; its end is passed on, a fault ends both."""
    loop, buffer = asyncio.get_running_loop(), bytearray(BLOCK)
    view = memoryview(buffer)
    with suppress(OSError):
        while count := await loop.sock_recv_into(one, buffer):
            await loop.sock_sendall(other, view[:count])
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


async def main(port: int) -> None:
    """Until killed."""
    with socket.create_server((CABLED, port)) as listener:
        listener.setblocking(False)
        async with asyncio.TaskGroup() as tasks:
            cable = Cable(port, tasks)
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, cable.cut)
            print("ready", flush=True)
            await cable.serve(listener)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
