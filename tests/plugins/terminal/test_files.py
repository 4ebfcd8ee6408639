"""Files by SFTP: whole both ways, and what is asked for to do harm."""

import asyncio
import os
import stat
from pathlib import Path
from typing import Any, cast

import asyncssh
import pytest

from plugins.terminal import files
from plugins.terminal.carrier import Carrier
from plugins.terminal.files import Files
from plugins.terminal.visitors import Use
from tests.support.nodes import until
from tests.support.shells import shells

WHOLE = os.urandom(3 * 1024 * 1024 + 7)


async def test_files_go_whole_both_ways_and_are_counted(short_tmp: Path) -> None:
    (short_tmp / "here").write_bytes(WHOLE)
    (short_tmp / "here").chmod(0o640)
    async with shells(short_tmp / "m") as made:
        async with made.connected() as connection, connection.start_sftp_client() as sftp:
            await sftp.put(str(short_tmp / "here"), str(short_tmp / "there"), preserve=True)
            await sftp.get(str(short_tmp / "there"), str(short_tmp / "back"))
            (row,) = made.server.status()["sessions"]
            assert row["kind"] == "files"
            assert row["received_bytes"] == row["sent_bytes"] == len(WHOLE)
        await until(lambda: made.server.status()["open"] == 0)
        assert made.server.status()["ended"][0]["ended"] == "closed"
    assert (short_tmp / "there").read_bytes() == (short_tmp / "back").read_bytes() == WHOLE
    assert stat.S_IMODE((short_tmp / "there").stat().st_mode) == 0o640


async def test_all_that_a_person_does_with_files_works(short_tmp: Path) -> None:
    folder = short_tmp / "f"
    async with (
        shells(short_tmp / "m") as made,
        made.connected() as connection,
        connection.start_sftp_client() as sftp,
    ):
        await sftp.mkdir(str(folder))
        async with sftp.open(str(folder / "a"), "wb") as file:
            await file.write(b"one")
            await file.fsync()
            await file.chmod(0o600)
            assert (await file.stat()).size == 3
        await sftp.rename(str(folder / "a"), str(folder / "b"))
        await sftp.posix_rename(str(folder / "b"), str(folder / "c"))
        await sftp.symlink("c", str(folder / "soft"))
        await sftp.link(str(folder / "c"), str(folder / "hard"))
        assert await sftp.readlink(str(folder / "soft")) == "c"
        assert await sftp.realpath(str(folder / "soft")) == str(folder / "c")
        assert sorted(await sftp.listdir(str(folder))) == [".", "..", "c", "hard", "soft"]
        assert (await sftp.lstat(str(folder / "soft"))).type == asyncssh.FILEXFER_TYPE_SYMLINK
        assert (await sftp.stat(str(folder / "soft"))).size == 3
        assert (await sftp.statvfs(str(folder))).bsize
        await sftp.truncate(str(folder / "c"), 1)
        for name in ("c", "hard", "soft"):
            await sftp.remove(str(folder / name))
        await sftp.rmdir(str(folder))
    assert not folder.exists()


async def test_a_relative_path_begins_in_the_home(short_tmp: Path) -> None:
    async with (
        shells(short_tmp) as made,
        made.connected() as connection,
        connection.start_sftp_client() as sftp,
    ):
        assert await sftp.realpath(".") == str((await connection.run("pwd")).stdout).strip()


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "{}/pipe", "{}/link"])
async def test_what_is_no_ordinary_file_is_not_opened(short_tmp: Path, path: str) -> None:
    os.mkfifo(short_tmp / "pipe")
    (short_tmp / "link").symlink_to(short_tmp / "pipe")
    async with (
        shells(short_tmp / "m") as made,
        made.connected() as connection,
        connection.start_sftp_client() as sftp,
    ):
        for mode in ("rb", "wb"):
            with pytest.raises(asyncssh.SFTPError, match="ordinary file"):
                await sftp.open(path.format(short_tmp), mode)
        assert await sftp.exists("/")


async def test_faults_of_the_system_are_told_and_the_session_goes_on(short_tmp: Path) -> None:
    async with (
        shells(short_tmp) as made,
        made.connected() as connection,
        connection.start_sftp_client() as sftp,
    ):
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await sftp.stat("/../../nonexistent/../..//x")
        with pytest.raises(asyncssh.SFTPError):
            await sftp.open("/proc/self/mem\0x", "rb")
        with pytest.raises(asyncssh.SFTPError):
            await sftp.open("/tmp/" + "x" * 5000, "wb")
        with pytest.raises(asyncssh.SFTPError):
            await sftp.open("/", "rb")
        assert await sftp.exists("/")


async def test_a_later_version_of_the_protocol_is_no_way_round(short_tmp: Path) -> None:
    os.mkfifo(short_tmp / "pipe")
    made = Files(cast(Any, None), cast(Any, None), Use("", "files", 0.0))
    with pytest.raises(asyncssh.SFTPFailure, match="ordinary file"):
        await made.open56(bytes(short_tmp / "pipe"), 1, 2, asyncssh.SFTPAttrs())


class _Channel:
    def __init__(self) -> None:
        self.aborted = self.exited = False

    def get_write_buffer_size(self) -> int:
        return files.HELD_MAX + 1

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def exit(self, code: int) -> None:
        self.exited = True


async def test_a_client_that_asks_and_never_takes_is_hung_up_on() -> None:
    channel = _Channel()
    made = Files(cast(Any, channel), cast(Carrier, _Drained()), Use("", "files", 0.0))
    assert await made.read(None, 0, 2**32 - 1) == b""
    assert channel.aborted
    made.exit()
    assert not channel.exited


class _Drained:
    async def drained(self) -> None:
        await asyncio.sleep(0)


async def test_a_piece_that_is_read_has_a_bound(short_tmp: Path) -> None:
    (short_tmp / "big").write_bytes(b"x" * 2 * files.READ_MAX)
    channel = _Channel()
    channel.get_write_buffer_size = lambda: 0  # type: ignore[method-assign]
    made = Files(cast(Any, channel), cast(Carrier, _Drained()), Use("", "files", 0.0))
    file = await made.open(bytes(short_tmp / "big"), asyncssh.FXF_READ, asyncssh.SFTPAttrs())
    assert len(await made.read(file, 0, 2**32 - 1)) == files.READ_MAX
    await made.close(file)
