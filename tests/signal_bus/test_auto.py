"""`import signal_bus.auto` in real programs."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signal_bus.delegate import Refusal
from signal_bus.testing import RecordingDelegate, apps_endpoint, serving, until
from tests.support.signals import ROOT, run_python

SLEEPER = """
import atexit, sys, time
import signal_bus.auto
atexit.register(print, "atexit", flush=True)
try:
    print("up", flush=True)
    time.sleep(60)
finally:
    print("finally", flush=True)
"""

OWN_HANDLER = """
import signal, sys, time
import signal_bus.auto
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("up", flush=True)
time.sleep(60)
"""

ASYNC = """
import asyncio
import signal_bus.auto
async def main():
    try:
        print("up", flush=True)
        await asyncio.sleep(60)
    finally:
        print("finally", flush=True)
asyncio.run(main())
"""

FORKER = """
import os, sys, time
import signal_bus.auto
sys.stdin.readline()
child = os.fork()
if child == 0:
    import threading
    print("threads", threading.active_count(), flush=True)
    sys.exit(0)
os.waitpid(child, 0)
print("up", flush=True)
time.sleep(60)
"""

SHORT = "import signal_bus.auto; print('done')"


@asynccontextmanager
async def running(program: str, folder: Path, **env: str) -> AsyncIterator[Process]:
    variables = {
        "PYTHONPATH": str(ROOT),
        "VISCRIPT_ENDPOINT": apps_endpoint(folder),
        "VISCRIPT_SEQ": "7",
        "VISCRIPT_GENERATION": "1",
        **env,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=variables
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def go_on(process: Process) -> None:
    """Have a program go on that reads a line first."""
    assert process.stdin is not None
    process.stdin.write(b"\n")


async def ended(process: Process) -> tuple[int, str, str]:
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("program, expected", [(SLEEPER, "finally\natexit\n"), (ASYNC, "finally\n")])
async def test_one_line_joins_answers_pings_and_ends_the_program_in_order(
    short_tmp: Path, program: str, expected: str
) -> None:
    async with serving(short_tmp) as (server, told), running(program, short_tmp) as process:
        await told.told("registered")
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
        assert told.peers[0].pid == process.pid
        assert await server.ping(7, 10.0) > 0
        await server.shutdown(7, 10.0)
        assert await ended(process) == (0, expected, "")
        await told.told("bye")


async def test_a_program_with_its_own_handler_is_ended_by_it(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, told), running(OWN_HANDLER, short_tmp) as process:
        await told.told("registered")
        assert process.stdout is not None
        await process.stdout.readline()
        await server.shutdown(7, 10.0)
        assert (await ended(process))[0] == 7


async def test_a_plain_sigterm_ends_it_just_so(short_tmp: Path) -> None:
    async with running(SLEEPER, short_tmp) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == (0, "finally\natexit\n", "")


async def test_a_forked_child_is_not_on_the_bus_and_its_parent_stays(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, told), running(FORKER, short_tmp) as process:
        await told.told("registered")
        go_on(process)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"threads 1\n"
        assert await process.stdout.readline() == b"up\n"
        assert len(told.named("registered")) == 1
        assert not told.named("bye")
        assert await server.ping(7, 10.0) > 0


async def test_a_program_joins_when_its_daemon_comes(short_tmp: Path) -> None:
    async with running(SLEEPER, short_tmp) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        async with serving(short_tmp) as (_, told):
            await told.told("registered")
        async with serving(short_tmp) as (_, told):
            assert (await told.told("registered"))[2].resume


async def test_a_short_program_ends_at_once_joined_or_not(short_tmp: Path) -> None:
    async with running(SHORT, short_tmp) as process:
        assert await ended(process) == (0, "done\n", "")
    async with serving(short_tmp), running(SHORT, short_tmp) as process:
        assert await ended(process) == (0, "done\n", "")


async def test_a_refused_program_goes_on_unharmed(short_tmp: Path) -> None:
    delegate = RecordingDelegate()
    delegate.admission = lambda hello, peer: Refusal("duplicate", "another process speaks for it")
    program = SHORT.replace("print", "input(); print")
    async with serving(short_tmp, delegate), running(program, short_tmp) as process:
        await until(lambda: delegate.peers)
        go_on(process)
        assert await ended(process) == (0, "done\n", "")
        assert len(delegate.peers) == 1


def test_without_a_daemon_it_does_nothing_and_costs_little() -> None:
    program = """
import sys
before = set(sys.modules)
import signal, threading
import signal_bus.auto
heavy = {"asyncio", "zmq", "msgspec", "nacl"} & set(sys.modules)
print(heavy, threading.active_count(), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""
    assert run_python(program) == "set() 1 True"


def test_a_wrong_environment_harms_nobody() -> None:
    assert run_python(SHORT, env={"VISCRIPT_ENDPOINT": "nonsense"}) == "done"
