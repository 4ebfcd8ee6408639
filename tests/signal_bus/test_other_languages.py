"""A client that shares no code with ours takes part: Node, JSON, and the reference page."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

from signal_bus.testing import apps_endpoint, serving
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
