"""Sessions at a terminal, over whole nodes: what a program there gets, and what comes back."""

import asyncio
import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest

from plugins.terminal.account import Account
from tests.support.nodes import until
from tests.support.shells import Shells, shells

WHOLE = 8 * 1024 * 1024


async def said(made: Shells, command: str | None, **options: Any) -> asyncssh.SSHCompletedProcess:
    async with asyncio.timeout(40), made.connected() as connection:
        return await connection.run(command, encoding=None, **options)


async def has_read(process: asyncssh.SSHClientProcess[bytes], wanted: bytes) -> bytes:
    got = b""
    try:
        async with asyncio.timeout(20):
            while wanted not in got:
                piece = await process.stdout.read(65536)
                assert piece, got
                got += piece
    except TimeoutError as exc:
        raise AssertionError(f"never saw {wanted!r} in {got!r}") from exc
    return got


async def test_output_and_errors_come_apart_with_the_exit_code(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        done = await said(made, "echo out; echo err >&2; exit 7")
        assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"err\n", 7)
        done = await said(made, "kill -TERM $$")
        assert done.exit_signal is not None
        assert (done.exit_signal[0], done.returncode) == ("TERM", -signal.SIGTERM)
        await until(lambda: made.server.status()["served"] == 2)  # counted once the client was told
        ended = made.server.status()["ended"]
        assert [row["ended"] for row in ended] == ["signal 15", "exit 7"]


async def test_what_goes_in_comes_out_whole(short_tmp: Path) -> None:
    data = os.urandom(WHOLE)
    async with shells(short_tmp) as made:
        done = await said(made, "sha256sum", input=data)
        assert isinstance(done.stdout, bytes)
        assert done.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
        assert (await said(made, "cat", input=data)).stdout == data


async def test_a_program_that_does_not_read_its_input_ends_all_the_same(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        assert (await said(made, "exec <&-; exit 3", input=b"x" * WHOLE)).returncode == 3


async def test_a_terminal_has_the_size_and_the_modes_of_the_clients(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        wanted = {"request_pty": "force", "term_type": "vt100", "term_size": (101, 37)}
        done = await said(made, "tty; stty size; stty -a; echo $TERM", term_modes={53: 0}, **wanted)
        assert isinstance(done.stdout, bytes)
        lines = done.stdout.decode().split("\r\n")
        assert lines[0].startswith("/dev/")
        assert lines[1] == "37 101"
        assert " -echo " in done.stdout.decode().replace("\r\n", " ")
        assert "vt100" in lines


async def test_a_window_that_changes_changes_there_and_the_program_is_told(short_tmp: Path) -> None:
    script = "trap 'echo told' WINCH; echo ready; while :; do stty size; sleep 0.05; done"
    async with shells(short_tmp) as made, made.connected() as connection:
        process = await connection.create_process(
            script, encoding=None, request_pty="force", term_type="vt100"
        )
        await has_read(process, b"ready")
        process.change_terminal_size(2**32 - 1, 50)
        await has_read(process, b"50 65535")
        process.change_terminal_size(90, 20)
        assert b"told" in await has_read(process, b"20 90")


async def test_a_shell_on_a_terminal_has_job_control_and_ctrl_c(short_tmp: Path) -> None:
    async with shells(short_tmp) as made, made.connected() as connection:
        process = await connection.create_process(encoding=None, request_pty="force", term_type="dumb")
        process.stdin.write(b"PS1='pro''mpt> '; sh -c \"echo be''gun; exec sleep 60\"\n")
        await has_read(process, b"begun")
        process.stdin.write(b"\x03")
        await has_read(process, b"prompt> ")  # what is typed before may be thrown away with the line
        process.stdin.write(b"echo $-; echo int''errupted; exit 5\n")
        got = await has_read(process, b"interrupted")
        assert b"m" in got  # set -m: job control
        await process.wait_closed()
        assert process.returncode == 5


async def test_the_end_of_the_input_is_the_end_of_it_there(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        done = await said(made, None, input=b"echo on''ce\n")
        assert (done.stdout, done.returncode) == (b"once\n", 0)
        done = await said(made, "cat", input=b"typed\n", request_pty="force", term_type="dumb")
        assert isinstance(done.stdout, bytes)
        assert done.stdout.endswith(b"typed\r\n")


async def test_signals_go_to_the_program_and_unknown_ones_nowhere(short_tmp: Path) -> None:
    async with shells(short_tmp) as made, made.connected() as connection:
        process = await connection.create_process("trap 'echo got; exit 9' USR1; echo up; sleep 60 & wait")
        assert await process.stdout.readline() == "up\n"
        process.channel.send_signal("SEGV")
        process.channel.send_break(100)
        process.channel.send_signal("USR1")
        assert await process.stdout.readline() == "got\n"
        await process.wait_closed()
        assert process.returncode == 9


async def test_what_a_client_sets_in_the_environment_is_language_only(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        asked = {"LANG": "xx_YY", "LD_PRELOAD": "/evil.so", "BASH_ENV": "/evil", "PATH": "/evil"}
        done = await said(made, "env", env=asked)
        assert isinstance(done.stdout, bytes)
        names = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
        assert names["LANG"] == "xx_YY"
        assert names["VISCRIPT_PEER"] == made.near.key.hex()
        assert not {"LD_PRELOAD", "BASH_ENV"} & names.keys()
        assert "evil" not in names["PATH"]


@pytest.mark.parametrize("pty", [{}, {"request_pty": "force", "term_type": "dumb"}])
async def test_when_the_client_goes_nothing_of_its_session_stays(
    short_tmp: Path, pty: dict[str, Any]
) -> None:
    script = "sleep 61 & nohup sleep 62 >/dev/null 2>&1 & echo $$ $!; exec sleep 63"
    async with shells(short_tmp) as made:
        async with made.connected() as connection:
            process = await connection.create_process(script, encoding=None, **pty)
            line = (await has_read(process, b"\n")).decode().split()
            leader = psutil.Process(int(line[0]))
            await until(lambda: leader.name() == "sleep")
            family = [leader, *leader.children()]
            connection.abort()
        await until(lambda: not any(_runs(process) for process in family))
        await until(lambda: made.server.status()["open"] == 0)
        assert made.server.status()["ended"][0]["ended"] == ""  # nobody was there to be told


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_a_channel_that_closes_with_input_waiting_ends_its_program(short_tmp: Path) -> None:
    async with shells(short_tmp) as made, made.connected() as connection:
        process = await connection.create_process("exec sleep 60", encoding=None)
        process.stdin.write(b"x" * WHOLE)
        await until(lambda: process.channel.get_write_buffer_size() < WHOLE)
        sent = -1
        while sent != (sent := process.channel.get_write_buffer_size()):
            await asyncio.sleep(0.1)  # until the whole window waits, unread
        process.channel.abort()
        await until(lambda: made.server.status()["open"] == 0)
        assert (await connection.run("echo fine")).stdout == "fine\n"


async def test_when_the_app_stops_its_sessions_are_hung_up(short_tmp: Path) -> None:
    async with shells(short_tmp) as made, made.connected() as connection:
        process = await connection.create_process("echo $$; exec sleep 60")
        leader = psutil.Process(int(await process.stdout.readline()))
        made.stop()
        await until(lambda: not _runs(leader))


async def test_a_client_that_does_not_read_holds_up_its_program_only(short_tmp: Path) -> None:
    async with shells(short_tmp) as made, made.connected() as connection:
        before = psutil.Process().memory_info().rss
        process = await connection.create_process("cat /dev/zero", encoding=None, window=2**31)
        process.channel.pause_reading()
        connection._transport.pause_reading()  # type: ignore[union-attr]  # what a frozen client does
        sent = -1
        while sent != (sent := made.server.status()["sessions"][0]["sent_bytes"]) or not sent:
            await asyncio.sleep(0.3)  # until it stands
        assert psutil.Process().memory_info().rss - before < 128 * 1024 * 1024
        assert (await said(made, "echo here")).stdout == b"here\n"
        connection.abort()
        await until(lambda: made.server.status()["open"] == 0)


async def test_a_shell_that_cannot_be_run_is_told(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.terminal.account.mine", lambda: Account("mike", "/", "/nonexistent"))
    async with shells(short_tmp) as made:
        done = await said(made, "true")
        assert done.returncode == 126
        assert isinstance(done.stderr, bytes)
        assert b"/nonexistent" in done.stderr
        assert made.server.status()["ended"][0]["ended"] == "could not start"
