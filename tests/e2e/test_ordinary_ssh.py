"""Ordinary ssh, scp, sftp and git at a terminal of the mesh, by `mesh nc`."""

import asyncio
import os
import shlex
import signal
from pathlib import Path

import pytest

from tests.support.nodes import until
from tests.support.shells import Shells, ran, shells, surroundings

DATA = os.urandom(3_000_000)
CLONING = """\
git init -q one
git -C one commit -q --allow-empty -m first
git clone -q far:$PWD/one two
git -C two log --format=%s
"""
WHOLE = 64 * 1024 * 1024


async def test_a_command_has_its_own_exit_code_and_outputs(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        done = await ran(made.openssh("ssh", "far", "echo out; echo err >&2; exit 7"))
        assert (done.code, done.out, done.err) == (7, b"out\n", "err\n")
        assert (await ran(made.openssh("ssh", "far", "sha256sum"), stdin=b"")).out.startswith(b"e3b0c442")
        assert (await ran(made.openssh("ssh", "far", "kill -9 $$"))).code == 255  # as ssh has it


async def test_64_mib_come_whole(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        done = await ran(made.openssh("ssh", "far", f"head -c {WHOLE} /dev/zero"))
        assert (done.code, done.out == bytes(WHOLE)) == (0, True)


async def test_a_terminal_by_force_has_one(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        done = await ran(
            made.openssh("ssh", "-tt", "far", "tty; stty -a > /dev/null && echo fine"), TERM="vt100"
        )
        assert done.out.startswith(b"/dev/")
        assert b"fine\r\n" in done.out


@pytest.mark.parametrize("protocol", ["-s", "-O"])
async def test_scp_copies_both_ways_in_both_of_its_protocols(short_tmp: Path, protocol: str) -> None:
    (short_tmp / "here").write_bytes(DATA)
    async with shells(short_tmp / "m") as made:
        done = await ran(made.openssh("scp", protocol, "-p", f"{short_tmp}/here", f"far:{short_tmp}/there"))
        assert (done.code, done.err) == (0, "")
        done = await ran(made.openssh("scp", protocol, f"far:{short_tmp}/there", f"{short_tmp}/back"))
        assert (done.code, done.err) == (0, "")
    assert (short_tmp / "back").read_bytes() == DATA


async def test_sftp_walks_about(short_tmp: Path) -> None:
    (short_tmp / "here").write_bytes(DATA)
    script = (
        f"mkdir {short_tmp}/d\ncd {short_tmp}/d\nput {short_tmp}/here x\nrename x y\nget y {short_tmp}/back\n"
    )
    async with shells(short_tmp / "m") as made:
        done = await ran(made.openssh("sftp", "-b", "-", "far"), stdin=script.encode())
        assert done.code == 0, done.err
    assert (short_tmp / "back").read_bytes() == DATA


async def test_git_clones(short_tmp: Path) -> None:
    async with shells(short_tmp / "m") as made:
        done = await ran(
            [
                "/bin/sh",
                "-ec",
                CLONING,
            ],
            cwd=short_tmp,
            GIT_SSH_COMMAND=shlex.join(made.openssh("ssh")),
            GIT_CONFIG_GLOBAL="/dev/null",
            GIT_AUTHOR_NAME="mike",
            GIT_AUTHOR_EMAIL="mike@mike",
            GIT_COMMITTER_NAME="mike",
            GIT_COMMITTER_EMAIL="mike@mike",
        )
        assert (done.code, done.out) == (0, b"first\n"), done.err


async def test_one_connection_serves_several_commands(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        options = {"ControlMaster": "auto", "ControlPath": f"{short_tmp}/c", "ControlPersist": "yes"}
        for _ in range(3):
            assert (await ran(made.openssh("ssh", "far", "echo hi", **options))).out == b"hi\n"
        assert made.server.status()["connections"] == 1
        assert (await ran(made.openssh("ssh", "-O", "exit", "far", **options))).code == 0
        await until(lambda: made.server.status()["connections"] == 0)


async def test_a_node_that_is_not_on_the_list_gets_nothing(short_tmp: Path) -> None:
    async with shells(short_tmp, allow=False) as made:
        done = await ran(made.openssh("ssh", "far", "echo in"))
        assert (done.code, done.out) == (255, b"")


async def _flooding(made: Shells) -> asyncio.subprocess.Process:
    """A client to whom much is sent."""
    process = await asyncio.create_subprocess_exec(
        *made.openssh("ssh", "far", "cat /dev/zero"), env=surroundings(), stdout=asyncio.subprocess.DEVNULL
    )
    await until(lambda: any(row["sent_bytes"] > 1_000_000 for row in made.server.status()["sessions"]))
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_client_that_dies_or_freezes_holds_up_nobody(short_tmp: Path, how: signal.Signals) -> None:
    async with shells(short_tmp) as made:
        process = await _flooding(made)
        try:
            process.send_signal(how)
            done = await ran(made.openssh("ssh", "far", "echo fine"))
            assert (done.code, done.out) == (0, b"fine\n")
        finally:
            if how is signal.SIGSTOP:
                process.kill()
            await process.wait()
        await until(lambda: made.server.status()["open"] == 0)
