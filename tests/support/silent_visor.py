"""A visor for streams that are tested without one: it says nothing and does nothing."""

import socket

from components.visor.sdk.handed import Handed
from components.visor.sdk.stream import Stream


class SilentVisor:
    """What a stream asks of its app."""

    def drain(self) -> bool:
        return False

    def forget(self, stream: Stream) -> None:
        return

    async def reset(self, stream: Stream, code: int) -> None:
        return

    def check_near(self) -> None:
        return

    def give_up(self, stream: Stream) -> None:
        return

    async def hold(self, stream: Stream) -> None:
        return

    async def give(self, stream: Stream, sock: socket.socket) -> Handed:
        raise AssertionError("no test hands a socket over here")
