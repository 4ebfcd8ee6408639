"""The program `ssh`: as it is on a command line, and on a terminal."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from plugins.terminal import client
from tests.support.nodes import until
from tests.support.shells import ran, shells, surroundings

MANY = 64 * 1024 * 1024


async def test_exit_codes_and_outputs_are_the_commands(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        done = await ran(made.client(made.peer, "echo out; echo err >&2; exit 7"))
        assert (done.code, done.out, done.err) == (7, b"out\n", "err\n")
        assert (await ran(made.client(made.peer, "kill", "-TERM", "$$"))).code == 128 + signal.SIGTERM
        assert (await ran(made.client(made.peer, "cat"), stdin=b"typed")).out == b"typed"
        assert (await ran(made.client(made.peer), stdin=b"echo a shell; exit 3\n")).code == 3
        assert (await ran(made.client("-t", made.peer, "tty"))).out.startswith(b"/dev/")


async def test_64_mib_come_whole(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        done = await ran(made.client(made.peer, f"head -c {MANY} /dev/zero"))
        assert (done.code, done.err) == (0, "")
        assert done.out == bytes(MANY)


async def test_faults_are_one_sentence_and_255(short_tmp: Path) -> None:
    async with shells(short_tmp, allow=False) as made:
        done = await ran(made.client(made.peer, "true"))
        assert (done.code, done.out) == (255, b"")
        assert (
            done.err
            == f"ssh: {made.peer}: the key {made.near.key.hex()} is not on the list of this terminal\n"
        )
        assert (await ran(made.client("-p", "7", made.peer, "true"))).code == 255
        assert (await ran(made.client("mike", "true"))).code == 255
        assert (await ran(made.client("--visor", str(short_tmp / "none"), "mike", "true"))).code == 255


async def test_a_connection_that_breaks_is_told(short_tmp: Path) -> None:
    async with shells(short_tmp) as made, asyncio.TaskGroup() as group:
        running = group.create_task(ran(made.client(made.peer, "sleep 60")))
        await until(lambda: made.server.status()["open"])
        made.stop()
        done = await running
        assert done.code in (255, 128 + signal.SIGHUP)


async def test_a_reader_that_has_enough_ends_it(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        argv = made.client(made.peer, "cat /dev/zero")
        done = await ran(["/bin/sh", "-c", '"$@" | head -c 3; true', "sh", *argv])
        assert (done.code, done.out, done.err) == (0, b"\0\0\0", "")
        await until(lambda: made.server.status()["open"] == 0)


async def test_input_from_a_file_and_from_nowhere(short_tmp: Path) -> None:
    (short_tmp / "file").write_bytes(b"x" * 1_000_000)
    async with shells(short_tmp) as made:
        argv = made.client(made.peer, "wc -c")
        for source, count in ((str(short_tmp / "file"), b"1000000"), ("/dev/null", b"0")):
            done = await ran(["/bin/sh", "-c", f'exec "$@" < {source}', "sh", *argv])
            assert (done.code, done.out.strip()) == (0, count)


async def started(argv: list[str]) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *argv, env=surroundings(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert await line_of(process) == b"on\n"
    return process


async def line_of(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return await process.stdout.readline()


async def code_of(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(30):
        return await process.wait()


async def test_ctrl_c_ends_the_command(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        process = await started(made.client(made.peer, "echo on; sleep 60"))
        process.send_signal(signal.SIGINT)
        assert await code_of(process) == client.INTERRUPTED


async def test_a_second_ctrl_c_ends_us_where_the_command_takes_no_notice(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        script = "trap 'echo noticed' INT; echo on; while :; do sleep 0.1; done"
        process = await started(made.client(made.peer, script))
        process.send_signal(signal.SIGINT)
        assert await line_of(process) == b"noticed\n"
        process.send_signal(signal.SIGINT)
        assert await code_of(process) == client.INTERRUPTED
        await until(lambda: made.server.status()["open"] == 0)


def test_wrong_words_are_told() -> None:
    argv = [sys.executable, "-P", "-m", "plugins.terminal.client"]
    done = subprocess.run(argv, env=surroundings(), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "the following arguments are required: peer" in done.stderr
    assert client.main(["--visor", os.devnull + "/x", "mike"]) == 255
