"""apptracker as a process: over HTTP, over the bus, and when its address is taken."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from components.mesh import listener
from components.node_manager.tracker import Tracker, listening, main, parse_address
from signal_bus.delegate import BaseDelegate, ExitFacts
from signal_bus.errors import RemoteError
from signal_bus.ids import Generation, SeqId
from signal_bus.server import SignalServer

COMMAND = (sys.executable, "-P", "-m", "components.node_manager.tracker")
OFFER = {"name": "chat", "type": "web", "address": "10.0.0.1:80", "ttl": 60}


@pytest.fixture
async def http() -> AsyncIterator[str]:
    async with listening(Tracker(), "127.0.0.1", 0) as address:
        yield f"http://{address}/services"


async def ask(method: str, url: str, data: object = None, **headers: str) -> tuple[int, Any]:
    """One request: its status and its JSON."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, json=data, headers=headers) as answer,
    ):
        text = await answer.text()
        return answer.status, (await answer.json() if text else None)


async def test_a_service_is_offered_found_and_withdrawn(http: str) -> None:
    status, service = await ask("POST", http, OFFER)
    assert (status, service["name"], service["expires_seconds"]) == (201, "chat", 60)
    assert (await ask("POST", http, {**OFFER, "type": "api"}))[0] == 201
    status, services = await ask("GET", http)
    assert (status, [one["type"] for one in services]) == (200, ["web", "api"])
    assert len((await ask("GET", f"{http}?name=chat&type=api"))[1]) == 1
    assert (await ask("GET", f"{http}?name=other"))[1] == []
    assert await ask("DELETE", f"{http}/chat?type=web") == (204, None)
    assert await ask("DELETE", f"{http}/chat") == (204, None)
    status, refusal = await ask("DELETE", f"{http}/chat")
    assert (status, refusal["error"]["text"]) == (404, "there is no service 'chat'")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {**OFFER, "name": 7},
        {**OFFER, "name": ""},
        {**OFFER, "ttl": "60"},
        {**OFFER, "ttl": True},
        {**OFFER, "ttl": -1},
        {**OFFER, "ttl": 1e300},
        {**OFFER, "other": 1},
        [OFFER],
    ],
)
async def test_an_offer_that_is_none_is_refused(http: str, data: object) -> None:
    status, refusal = await ask("POST", http, data)
    assert status == 400
    assert refusal["error"]["text"]
    assert (await ask("GET", http))[1] == []


@pytest.mark.parametrize("query", ["nmae=x", "name=a&name=b"])
async def test_a_query_nobody_knows_is_refused(http: str, query: str) -> None:
    assert (await ask("GET", f"{http}?{query}"))[0] == 400


async def test_a_web_page_cannot_change_anything(http: str) -> None:
    assert (await ask("POST", http, OFFER, Origin="http://evil.example"))[0] == 403
    assert (await ask("POST", http, OFFER, **{"Content-Type": "text/plain"}))[0] == 415
    assert (await ask("GET", http, Host="evil.example"))[0] == 421
    assert (await ask("GET", f"{http}/chat"))[0] == 405
    assert (await ask("GET", http))[1] == []


def _abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def test_slow_bodies_hold_a_part_of_the_connections_only(http: str) -> None:
    host, port = http.removeprefix("http://").removesuffix("/services").split(":")
    head = f"POST /services HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    async with AsyncExitStack() as stack, asyncio.timeout(20):
        for _ in range(listener.MOST):
            _, writer = await asyncio.open_connection(host, int(port))
            stack.callback(_abort, writer)
            writer.write(f"{head}Content-Length: 9\r\n\r\n{{".encode())
            await writer.drain()
        assert (await ask("GET", http))[0] == 200
        assert (await ask("POST", http, OFFER))[0] == 503  # all of this network wait for those bodies


@pytest.mark.parametrize(
    "text, address",
    [("127.0.0.1:20000", ("127.0.0.1", 20000)), ("[::1]:0", ("::1", 0)), ("box:80", ("box", 80))],
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("words", [["20000"], [":1"], ["a:"], ["a:x"], ["a:99999"], ["a:1", "b"]])
def test_what_is_no_address_is_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("apptracker: ")


def test_a_taken_port_is_told_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        assert main([address]) == 1
    assert capsys.readouterr().err == f"apptracker: cannot listen at {address}: Address already in use\n"


@asynccontextmanager
async def tracker(*words: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real program; ended after the block."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VISCRIPT_", "SIGNAL_"))}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *words, env={**own, "PYTHONPATH": os.getcwd(), **environ}, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def first_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode()


async def test_it_runs_without_a_daemon_until_sigterm() -> None:
    async with tracker("127.0.0.1:0") as process:
        line = await first_line(process)
        assert line.startswith("apptracker: listening at 127.0.0.1:")
        assert (await ask("GET", f"http://{line.split()[-1]}/services"))[0] == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


class Home(BaseDelegate):
    """Knows who joined and who is ready."""

    def __init__(self) -> None:
        self.endpoints: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    def ready(self, seq: SeqId, generation: Generation, endpoints: dict[str, str]) -> None:
        self.endpoints.put_nowait(endpoints)


async def test_it_does_the_same_over_the_bus(short_tmp: Path) -> None:
    home = Home()
    endpoint = f"ipc://{short_tmp}/apps.ipc"
    seven = SeqId(7)
    server = SignalServer(home_id="h", apps_endpoint=endpoint, delegate=home)
    given = {"VISCRIPT_ENDPOINT": endpoint, "VISCRIPT_SEQ": "7", "VISCRIPT_GENERATION": "1"}
    async with server, tracker("127.0.0.1:0", **given) as process:
        async with asyncio.timeout(20):
            endpoints = await home.endpoints.get()
        methods = await server.describe(seven)
        assert "offer" in repr(methods)
        assert await server.ping(seven, 2.0) < 2.0
        offered = await server.call(
            seven, "offer", {"name": "a", "type": "t", "address": "x:1", "seq": 9}, 5.0
        )
        assert offered == {"name": "a", "type": "t", "address": "x:1", "id": 9}
        assert await server.call(seven, "find", {"name": "a"}, 5.0) == [offered]
        assert (await ask("GET", f"http://{endpoints['http']}/services"))[1] == [offered]
        with pytest.raises(RemoteError, match="name must have"):
            await server.call(seven, "offer", {"name": "", "type": "t", "address": "x:1"}, 5.0)
        server.exited(SeqId(9), Generation(1), ExitFacts(code=0))
        async with asyncio.timeout(5):
            while await server.call(seven, "find", None, 5.0):
                await asyncio.sleep(0.01)
        assert await server.call(seven, "withdraw", {"name": "a"}, 5.0) == 0
        await server.shutdown(seven, 5.0)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
