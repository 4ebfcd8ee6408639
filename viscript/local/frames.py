"""Frames of an attached connection. Pure.

kind u8 | length u32 BE | payload

1 data     both ways: bytes to the app's input; bytes of its output
2 resize   to the daemon: columns u16 BE, rows u16 BE
3 detach   to the daemon: the viewer leaves, the app goes on
4 end      to the viewer: JSON {"code": exit code of the verb, "text": why it ended}
5 note     to the viewer: a sentence of the daemon's own
"""

import struct
from enum import IntEnum

from viscript.errors import ViscriptError

LARGEST_PAYLOAD = 1 << 20
_HEAD = struct.Struct(">BI")
_SIZE = struct.Struct(">HH")


class Kind(IntEnum):
    """What a frame is for."""

    DATA = 1
    RESIZE = 2
    DETACH = 3
    END = 4
    NOTE = 5


class FrameError(ViscriptError):
    """The other side sent bytes that are no frames."""


def encode(kind: Kind, payload: bytes = b"") -> bytes:
    """One frame."""
    return _HEAD.pack(kind, len(payload)) + payload


def encode_size(columns: int, rows: int) -> bytes:
    """A resize frame; figures no terminal has are cut to what fits."""
    return encode(Kind.RESIZE, _SIZE.pack(min(columns, 0xFFFF), min(rows, 0xFFFF)))


class Frames:
    """Bytes in, frames out, however they were split."""

    def __init__(self, rest: bytes = b"") -> None:
        self._buffer = bytearray(rest)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that became whole. Raises `FrameError` for a payload nobody would send."""
        self._buffer += data
        found = []
        while len(self._buffer) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._buffer)
            if length > LARGEST_PAYLOAD:
                raise FrameError(f"a frame of {length} bytes; at most {LARGEST_PAYLOAD} are allowed")
            end = _HEAD.size + length
            if len(self._buffer) < end:
                break
            found.append((kind, bytes(self._buffer[_HEAD.size : end])))
            del self._buffer[:end]
        return found
