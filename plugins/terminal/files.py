"""Files of this host by SFTP, as the user who runs the app sees them.

No root folder is claimed: who gets a shell gets the files. What may block is done in threads. Only ordinary
files are opened: a named pipe or a device could hold a thread for ever, or be read for ever.
"""

from __future__ import annotations

import asyncio
import os
import stat
from typing import Any, Final, cast

import asyncssh

from plugins.terminal.carrier import Carrier
from plugins.terminal.visitors import Use

READ_MAX: Final = 256 * 1024
HELD_MAX: Final = 8 * 1024 * 1024  # answers that wait in a channel whose client opens no window

Channel = asyncssh.SSHServerChannel[bytes]


def _aside(name: str) -> Any:  # Any: a method with the arguments of the one it stands for
    own = getattr(asyncssh.SFTPServer, name)

    async def method(self: asyncssh.SFTPServer, *words: object) -> object:
        return await asyncio.to_thread(own, self, *words)

    return method


class Files(asyncssh.SFTPServer):
    """Serves one session. A client that asks and does not read is hung up on."""

    def __init__(self, channel: Channel, carrier: Carrier, use: Use) -> None:
        super().__init__(channel)
        self._carrier = carrier
        self._use = use

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open an ordinary file. Raises `OSError` or `SFTPError`."""
        return await asyncio.to_thread(self._open, path, pflags, attrs)

    def _open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        _check_ordinary(path)
        return super().open(path, pflags, attrs)

    async def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """As `open`, in later versions of the protocol."""
        return await asyncio.to_thread(self._open56, path, desired_access, flags, attrs)

    def _open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> object:
        _check_ordinary(path)
        return super().open56(path, desired_access, flags, attrs)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Some of a file. Raises `OSError`."""
        await self._carrier.drained()
        if self.channel.get_write_buffer_size() > HELD_MAX:
            self.channel.abort()
            return b""
        data = await asyncio.to_thread(super().read, file_obj, offset, min(size, READ_MAX))
        self._use.sent += len(cast(bytes, data))
        return cast(bytes, data)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write into a file. Raises `OSError`."""
        self._use.received += len(data)
        return cast(int, await asyncio.to_thread(super().write, file_obj, offset, data))

    def exit(self) -> None:
        """The client is done; scp takes no answer for a failure."""
        if not self.channel.is_closing():
            self.channel.exit(0)

    close = _aside("close")
    lstat = _aside("lstat")
    fstat = _aside("fstat")
    stat = _aside("stat")
    setstat = _aside("setstat")
    lsetstat = _aside("lsetstat")
    fsetstat = _aside("fsetstat")
    remove = _aside("remove")
    mkdir = _aside("mkdir")
    rmdir = _aside("rmdir")
    realpath = _aside("realpath")
    rename = _aside("rename")
    posix_rename = _aside("posix_rename")
    readlink = _aside("readlink")
    symlink = _aside("symlink")
    link = _aside("link")
    statvfs = _aside("statvfs")
    fstatvfs = _aside("fstatvfs")
    fsync = _aside("fsync")


def _check_ordinary(path: bytes) -> None:
    """Raises `SFTPFailure`."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (a path of bytes)
    except FileNotFoundError:
        return  # it is to be made, or opening it tells
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise asyncssh.SFTPFailure("not an ordinary file")
