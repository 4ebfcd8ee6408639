"""Listens at all interfaces for packets of this host that hold a word. Needs CAP_NET_RAW."""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Final, Self

_ALL: Final = 0x0003  # ETH_P_ALL
_OUTGOING: Final = 4  # PACKET_OUTGOING
_SOL_PACKET: Final = 263
_COUNTS: Final = 6  # PACKET_STATISTICS: taken, missed
_STATISTICS: Final = struct.Struct("II")
_LARGEST: Final = 65_535
_BUFFER: Final = 8 * 1024 * 1024  # what arrives while nobody looks


class Sniffer:
    """Begins with the block; packets are looked through by `seen`, after it too."""

    def __init__(self, word: bytes, *, ours: str) -> None:
        self._word = word
        self._passed = ("lo", ours)
        self._seen: dict[str, None] = {}

    def __enter__(self) -> Self:
        """Raises `OSError`."""
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises `OSError` when packets came too fast to be looked at."""
        try:
            self._look()
            missed = _STATISTICS.unpack(self._sock.getsockopt(_SOL_PACKET, _COUNTS, _STATISTICS.size))[1]
        finally:
            self._sock.close()
        if missed and kind is None:
            raise OSError(f"{missed} packets were missed; try again when there is less traffic")

    def devices(self) -> list[str]:
        """All interfaces but the loopback and ours."""
        return [name for _, name in socket.if_nameindex() if name not in self._passed]

    def seen(self) -> list[str]:
        """The interfaces where the word went out."""
        return list(self._seen)

    def _look(self) -> None:
        while True:
            try:
                data, address = self._sock.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            if address[2] == _OUTGOING and address[0] not in self._passed and self._word in data:
                self._seen[address[0]] = None
