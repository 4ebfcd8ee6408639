"""Looking for secrets where they must not be: in a process's memory, in files, in what passes on the wire."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from components.mesh import keys
from signal_bus.ids import PublicKey
from tests.support.network import Host

_ALL_PROTOCOLS: Final = 3  # ETH_P_ALL
_PACKET_BYTES: Final = 1 << 17
_BUFFER_BYTES: Final = 1 << 26
_SO_RCVBUFFORCE: Final = 33
_PACKET_STATISTICS: Final = 6
_SOL_PACKET: Final = 263
_PAGES: Final = 1 << 24

Needles = Mapping[str, bytes]


def of_key(name: str, key: PublicKey) -> dict[str, bytes]:
    """Every form a key is written in, and its X25519 half."""
    spoken = keys.spoken(key)
    return {
        f"{name} raw": bytes(key),
        f"{name} hex": key.hex().encode(),
        f"{name} HEX": key.hex().upper().encode(),
        f"{name} spoken": spoken.encode(),
        f"{name} spoken, bare": spoken.replace("-", "").encode(),
        f"{name} x25519": keys.agreement_key(key),
    }


def found(needles: Needles, parts: Iterable[bytes]) -> Counter[str]:
    """How often each needle stands in these parts; those that do not are left out."""
    counts: Counter[str] = Counter()
    for part in parts:
        for name, needle in needles.items():
            if count := part.count(needle):
                counts[name] += count
    return counts


def memory(pid: int) -> Iterable[bytes]:
    """All of a process's memory that can be read, region by region."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, rights, *_ = line.split()
            start, end = (int(text, 16) for text in span.split("-"))
            if rights.startswith("r") and not line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                yield _region(mem.fileno(), start, end)


def files(folder: Path) -> Iterable[bytes]:
    """The files below a folder."""
    return (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


class Capture:
    """All packets that pass a host, its loopback too; a context manager."""

    def __init__(self, host: Host) -> None:
        with host.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        self._socket.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="capture")
        self.packets: list[bytes] = []
        self.dropped = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        self.dropped = int.from_bytes(statistics[4:], "little")
        self._socket.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                self.packets.append(self._socket.recv(_PACKET_BYTES))
            except TimeoutError:
                continue


def _region(descriptor: int, start: int, end: int) -> bytes:
    import os

    data = bytearray()
    while start < end:
        try:
            part = os.pread(descriptor, min(_PAGES, end - start), start)
        except OSError:  # a guard page, or gone since
            break
        if not part:
            break
        data += part
        start += len(part)
    return bytes(data)
