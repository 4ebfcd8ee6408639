"""Datagrams on a stream: u16 length in big endian, and so many bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

LENGTH: Final = 2
LARGEST: Final = 65_507  # the most a UDP datagram over IPv4 holds


def packed(datagram: bytes) -> bytes:
    """One of at most 65,535 bytes, with its length."""
    return len(datagram).to_bytes(LENGTH, "big") + datagram


class Unpacker:
    """Bytes in, datagrams out, however they were split."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The datagrams that are whole by now."""
        self._buffer += data
        at = 0
        while len(self._buffer) >= at + LENGTH:
            end = at + LENGTH + int.from_bytes(self._buffer[at : at + LENGTH], "big")
            if len(self._buffer) < end:
                break
            yield bytes(self._buffer[at + LENGTH : end])
            at = end
        del self._buffer[:at]
