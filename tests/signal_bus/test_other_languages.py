"""A client that shares no code with ours takes part: Node, JSON, and the reference page."""

import asyncio
import fcntl
import os
from asyncio.subprocess import PIPE
from pathlib import Path

from signal_bus.delegate import TcpDoor
from signal_bus.environment import LOWEST_TOKEN_FD
from signal_bus.identity import Identity
from signal_bus.testing import apps_endpoint, serving
from signal_bus.tokens import curve_of
from tests.support.signals import ROOT

NODE = ROOT / "tests" / "node"


async def test_a_client_in_node_joins_answers_and_ends_when_told(short_tmp: Path) -> None:
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "VISCRIPT_ENDPOINT": apps_endpoint(short_tmp),
        "VISCRIPT_SEQ": "7",
        "VISCRIPT_GENERATION": "3",
    }
    async with serving(short_tmp) as (server, told):
        process = await asyncio.create_subprocess_exec("node", str(NODE / "client.js"), env=env, stderr=PIPE)
        try:
            assert (await told.told("registered"))[:2] == (7, 3)
            assert told.peers[0].pid == process.pid
            assert (await told.told("ready"))[2] == {"http": "127.0.0.1:80"}
            await told.told("services_changed")
            assert await server.ping(7, 10.0) > 0
            (method,) = await server.describe(7, 10.0)
            assert (method.name, method.summary) == ("double", "Twice the number.")
            assert await server.call(7, "double", {"n": 21}, 10.0) == 42
            assert (await server.shutdown(7, 10.0)).extend_s == 0
            assert (await told.told("bye"))[2] == "asked to"
            async with asyncio.timeout(20):
                _, err = await process.communicate()
            assert (process.returncode, err) == (0, b"")
            assert server.services.find(now=0.0) == ()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def token_pipe(token: str) -> int:
    """A descriptor such as an app finds it."""
    reading, writing = os.pipe()
    os.write(writing, token.encode())
    os.close(writing)
    high = fcntl.fcntl(reading, fcntl.F_DUPFD, LOWEST_TOKEN_FD)
    os.close(reading)
    return high


async def test_a_client_in_node_joins_over_tcp_by_its_token(short_tmp: Path) -> None:
    token, host = "0123456789abcdef" * 4, Identity(bytes(32))
    door = TcpDoor(endpoint="tcp://127.0.0.1:*", allowed={curve_of(token).public: "app/7.3"})
    async with serving(short_tmp, tcp=door, identity=host) as (server, told):
        descriptor = token_pipe(token)
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "VISCRIPT_ENDPOINT": server.tcp_endpoint or "",
            "VISCRIPT_SERVER_KEY": host.curve().public.hex(),
            "VISCRIPT_TOKEN_FD": str(descriptor),
            "VISCRIPT_SEQ": "7",
            "VISCRIPT_GENERATION": "3",
        }
        process = await asyncio.create_subprocess_exec(
            "node", str(NODE / "client.js"), env=env, pass_fds=(descriptor,)
        )
        os.close(descriptor)
        try:
            _, _, hello = await told.told("registered")
            assert (hello.seq, hello.generation, hello.token) == (7, 3, token)
            assert await server.ping(7, 10.0) > 0
            await server.shutdown(7, 10.0)
            async with asyncio.timeout(20):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
