"""A redis-server and a web server behind NAT, used from another host, while visors come and go."""

import asyncio
import hashlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.mesh_hosts import Program, Visor, World, eventually, mesh_hosts

pytestmark = pytest.mark.timeout(300)
REDIS, WEB, OWN, PLAIN = 6379, 8080, 9000, 7000


@pytest.fixture
async def world(short_tmp: Path) -> AsyncIterator[World]:
    async with mesh_hosts(short_tmp) as made:
        yield made


class Forwarding(Program):
    """Of one visor, with rules from its settings."""

    def __init__(self, visor: Visor) -> None:
        super().__init__(visor.host, visor.home.parent, f"forward-{visor.name}")
        self._visor = visor

    async def begin(self, *rules: str) -> None:
        """Once it is ready."""
        settings = json.dumps({"rules": rules})
        place = str(self._visor.home / "app.sock")
        self.start("plugins.forward.server", "forward", place, "47", VISCRIPT_SETTINGS=settings)
        await self.said("ready:")


def redis(visor: Visor, *words: str) -> str:
    """What redis-cli says at a host."""
    return visor.host.run("redis-cli", "-p", str(REDIS), *words, timeout_s=40).strip()


def page(visor: Visor, path: str, port: int = WEB) -> bytes:
    """What curl gets at a host. Raises `CalledProcessError`."""
    argv = visor.host.inside("curl", "-sS", "--max-time", "40", f"http://127.0.0.1:{port}/{path}")
    return subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout


async def test_servers_behind_nat_are_used_from_another_host(world: World, short_tmp: Path) -> None:
    ann, ben = await world.visors("ann", "ben", hidden="ben")
    await world.relay(ann, ben)
    files = short_tmp / "files"
    files.mkdir()
    data = os.urandom(3_000_000)
    (files / "blob").write_bytes(data)
    async with AsyncExitStack() as stack:
        servers = ben.host.spawn("redis-server", "--port", str(REDIS), "--save", "", "--dir", str(short_tmp))
        stack.callback(servers.wait)
        stack.callback(servers.kill)
        web = Program(ben.host, short_tmp, "web")
        stack.callback(web.close)
        web.start("http.server", str(WEB), "--bind", "127.0.0.1", "--directory", str(files))
        there, here = Forwarding(ben), Forwarding(ann)
        stack.callback(there.close)
        stack.callback(here.close)
        ports = REDIS, WEB, PLAIN
        await there.begin(*(f"offer {port} --to {ann.pk}" for port in ports), f"rev {ann.pk}:{OWN} {WEB}")
        await here.begin(*(f"fwd {port} {ben.pk}:{port}" for port in ports), f"lend {OWN} --to {ben.pk}")
        await answers(ann)
        assert await asyncio.to_thread(redis, ann, "SET", "greeting", "hello") == "OK"
        assert await asyncio.to_thread(redis, ann, "GET", "greeting") == "hello"
        assert (await asyncio.to_thread(page, ann, "blob")) == data

        async def led_back() -> bool:
            return await asyncio.to_thread(page, ann, "blob", OWN) == data

        await eventually(led_back, "the port that Ann lends leads to Ben")
        await many_at_once(ann, hashlib.sha256(data).hexdigest(), short_tmp)
        assert await asyncio.to_thread(half_closed, ann, ben) == b"THE LAST WORD"
        for visor in (ann, ben):
            visor.signal(signal.SIGKILL)
            await visor.ended()
            visor.begin()
            await visor.ready()
            await answers(ann)
            assert await asyncio.to_thread(redis, ann, "GET", "greeting") == "hello"
            await eventually(led_back, "the lent port after a kill")


async def answers(ann: Visor) -> None:
    """Until redis answers; its port never refuses."""

    async def ping() -> bool:
        said = await asyncio.to_thread(redis, ann, "PING")
        assert "refused" not in said
        return said == "PONG"

    await eventually(ping, "an answer of redis")


async def many_at_once(ann: Visor, whole: str, folder: Path) -> None:
    """Sixty-four downloads, all whole."""
    urls = f"http://127.0.0.1:{WEB}/blob?[1-64]"
    words = ("-Z", "--parallel-immediate", "--parallel-max", "64", "--max-time", "120", urls)
    argv = ann.host.inside("curl", "-sS", "--no-progress-meter", *words, "-o", f"{folder}/blob-#1")
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, timeout=150, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    came = [hashlib.sha256((folder / f"blob-{n}").read_bytes()).hexdigest() for n in range(1, 65)]
    assert came == [whole] * 64


def half_closed(ann: Visor, ben: Visor) -> bytes:
    """What Ben's server heard up to the end of Ann's program, said back on the way that is still open."""
    with ben.host.entered():
        server = socket.create_server(("127.0.0.1", PLAIN))
    with server:
        server.settimeout(60)
        with ann.host.entered():
            program = socket.create_connection(("127.0.0.1", PLAIN), timeout=60)
        with program:
            program.sendall(b"the last word")
            program.shutdown(socket.SHUT_WR)
            target, _ = server.accept()
            with target:
                target.settimeout(60)
                target.sendall(target.makefile("rb").read().upper())
            return program.makefile("rb").read()
