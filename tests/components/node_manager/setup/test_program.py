import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from components.mesh import entry, keys
from components.mesh.entry import VERSION, NodeEntry
from components.mesh.listener import listening
from components.node_manager.setup.program import main
from signal_bus.delegate import BaseDelegate
from signal_bus.identity import load_or_create
from signal_bus.ids import Generation, PublicKey, SeqId
from signal_bus.server import SignalServer
from tests.support.setups import World, world

COMMAND = (sys.executable, "-P", "-m", "components.node_manager.setup", "--listen", "127.0.0.1:0")
Process = asyncio.subprocess.Process


@asynccontextmanager
async def program(identity: Path, *words: str, **environ: str) -> AsyncIterator[tuple[Process, list[str]]]:
    """The real setup node and the words of its first line; ended after the block."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VISCRIPT_", "SIGNAL_"))}
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "--identity",
        str(identity),
        *words,
        env={**own, "PYTHONPATH": os.getcwd(), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode().split()
        yield process, line
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


@asynccontextmanager
async def two(made: World, folder: Path) -> AsyncIterator[tuple[list[Process], list[PublicKey]]]:
    """Two setup nodes that know where the visors are, and their keys."""
    nodes = [f"{key.hex()}@{host}:{port}" for key, (host, port) in made.places.items()]
    words = [word for node in nodes for word in ("--node", node)]
    known = [load_or_create(folder / name).public_key for name in "ab"]
    async with (
        program(folder / "a", *words) as (one, first),
        program(folder / "b", *words) as (other, second),
    ):
        for key, line in zip(known, (first, second), strict=True):
            host, port = line[-1].split(":")
            made.places[key] = (host, int(port))
        async with made.stack:
            yield [one, other], known


async def test_a_setup_node_killed_or_frozen_costs_at_most_300_ms(tmp_path: Path) -> None:
    allowed = [load_or_create(tmp_path / name).public_key for name in "ab"]
    loop = asyncio.get_running_loop()
    async with world(3, allowed) as made, two(made, tmp_path) as (processes, known):

        async def best_s() -> float:
            took_s = []
            for _ in range(3):  # the best one counts: others may use this machine
                client = await made.client(*known)
                started = loop.time()
                granted = await client.create(made.wanted(), made.installs())
                took_s.append(loop.time() - started)
                assert granted.owner == known[1]
            return min(took_s)

        processes[0].send_signal(signal.SIGSTOP)
        assert await best_s() < 0.3
        processes[0].send_signal(signal.SIGCONT)
        processes[0].kill()
        await processes[0].wait()
        assert await best_s() < 0.3


@asynccontextmanager
async def directory(made: World) -> AsyncIterator[str]:
    """A service that tells where the visors are."""

    async def answer(request: web.Request) -> web.Response:
        key = keys.parse(request.match_info["key"])
        (visor,) = (visor for visor in made.visors if visor.key == key)
        host, port = made.places[key]
        told = NodeEntry(
            version=VERSION, sequence=1, timestamp=1, static=keys.hex66(key), addresses=(f"{host}:{port}",)
        )
        return web.Response(body=msgspec.json.encode(entry.sign(told, visor.identity)))

    app = web.Application()
    app.router.add_get("/messaging-discovery/entry/{key}", answer)
    async with listening(app, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


async def test_nodes_are_found_by_their_entries_in_a_directory(tmp_path: Path) -> None:
    own = load_or_create(tmp_path / "a").public_key
    async with (
        world(3, {own}) as made,
        directory(made) as url,
        program(tmp_path / "a", "--directory", url) as (_, line),
    ):
        host, port = line[-1].split(":")
        made.places[own] = (host, int(port))
        async with made.stack:
            client = await made.client(own)
            assert (await client.create(made.wanted(), made.installs())).owner == own


async def test_it_runs_without_a_daemon_until_sigterm(tmp_path: Path) -> None:
    async with program(tmp_path / "state" / "identity") as (process, line):
        assert line[0] == "setup-node:"
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    assert (tmp_path / "state" / "identity").stat().st_mode & 0o777 == 0o600


class Home(BaseDelegate):
    """Knows who is ready."""

    def __init__(self) -> None:
        self.endpoints: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    def ready(self, seq: SeqId, generation: Generation, endpoints: dict[str, str]) -> None:
        self.endpoints.put_nowait(endpoints)


async def test_it_is_a_signal_client(short_tmp: Path) -> None:
    home, seven = Home(), SeqId(7)
    endpoint = f"ipc://{short_tmp}/apps.ipc"
    server = SignalServer(home_id="h", apps_endpoint=endpoint, delegate=home)
    given = {"VISCRIPT_ENDPOINT": endpoint, "VISCRIPT_SEQ": "7", "VISCRIPT_GENERATION": "1"}
    async with server, program(short_tmp / "identity", **given) as (process, line):
        async with asyncio.timeout(20):
            assert await home.endpoints.get() == {"mesh": line[-1], "key": line[1]}
        (offer,) = server.services.find(kind="setup-node", now=0.0)
        assert offer.address == f"{line[1]}@{line[-1]}"
        assert await server.call(seven, "summarize", None, 5.0) == {"sessions": 0}
        await server.shutdown(seven, 5.0)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


@pytest.mark.parametrize("fault", ["address", "key", "folder"])
def test_what_cannot_be_had_is_told(fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key"
    key.write_text("no key")
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        words, told = {
            "address": (["--listen", taken], f"cannot listen at {taken}: Address already in use"),
            "key": (["--identity", str(key)], "others may read it"),
            "folder": (["--identity", str(key / "a")], "File exists"),
        }[fault]
        assert main(["--listen", "127.0.0.1:0", "--identity", str(tmp_path / "s"), *words]) == 1
    assert told in capsys.readouterr().err


def test_words_that_mean_nothing_are_a_usage_error() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--what"])
