"""A TUN device of Linux: opened, asked to hand whole segments over, closed (and gone) with its descriptor."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

PATH: Final = "/dev/net/tun"
_TUNSETIFF: Final = 0x400454CA
_TUNSETOFFLOAD: Final = 0x400454D0
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_IFF_VNET_HDR: Final = 0x4000
_SEGMENTS: Final = 0x01 | 0x02 | 0x04  # checksums, TSO4, TSO6
_DATAGRAMS: Final = 0x20 | 0x40  # USO4, USO6: Linux 6.2 and newer
_REQUEST: Final = struct.Struct("16sH22x")


class TunError(Exception):
    """There can be no such device; the sentence says why."""


class Tun:
    """One device; `name` may end in `%d` for any free number. Raises `TunError`.

    `whole`: packets carry a virtio_net_hdr, and TCP segments come as large as they were sent.
    """

    def __init__(self, name: str, *, whole: bool = True, uso: bool = False) -> None:
        try:
            self.descriptor = os.open(PATH, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            raise TunError(f"{PATH} cannot be opened: {exc.strerror}") from exc
        try:
            self.name = self._make(name, whole)
            if whole:
                fcntl.ioctl(self.descriptor, _TUNSETOFFLOAD, _SEGMENTS | (_DATAGRAMS if uso else 0))
        except OSError as exc:
            self.close()
            raise TunError(f"no TUN device {name}: {exc.strerror}") from exc

    def _make(self, name: str, whole: bool) -> str:
        flags = _IFF_TUN | _IFF_NO_PI | (_IFF_VNET_HDR if whole else 0)
        answer = fcntl.ioctl(self.descriptor, _TUNSETIFF, _REQUEST.pack(name.encode(), flags))
        made: bytes = _REQUEST.unpack(answer)[0]
        return made.rstrip(b"\0").decode()

    def close(self) -> None:
        """The device, its addresses and its routes are gone."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def abilities() -> tuple[bool, bool]:
    """Whether devices here have whole segments, and whole datagrams. Raises `TunError` for no devices."""
    for whole, uso in ((True, True), (True, False)):
        try:
            Tun("vprobe%d", whole=whole, uso=uso).close()
        except TunError:
            continue
        return whole, uso
    Tun("vprobe%d", whole=False).close()
    return False, False
