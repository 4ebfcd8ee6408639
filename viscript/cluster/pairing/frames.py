"""Frames of a pairing on its TCP connection. Pure: bytes in, frames out.

    length u16 big endian | payload

Until the handshake is over nobody has proved anything: a frame has at most `SHORT` bytes then, later `LONG`.
"""

import struct
from typing import Final

SHORT: Final = 256
LONG: Final = 0xFFFF
_LENGTH: Final = struct.Struct(">H")


class TooLong(Exception):
    """A frame is longer than it may be by now."""


class Frames:
    """Feed it what arrives, take the frames one by one; `limit` holds for the frame that comes next."""

    def __init__(self) -> None:
        self.limit = SHORT
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """What arrived, however it was split. The caller reads no more than it takes out."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next whole frame; None until there is one. Raises `TooLong`."""
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > self.limit:
            raise TooLong(f"a frame of {length} bytes, {self.limit} are allowed here")
        if len(self._buffer) < _LENGTH.size + length:
            return None
        frame = self._buffer[_LENGTH.size : _LENGTH.size + length]
        self._buffer = self._buffer[_LENGTH.size + length :]
        return frame


def frame(payload: bytes) -> bytes:
    """One frame. The caller keeps to `LONG`."""
    return _LENGTH.pack(len(payload)) + payload
