"""A terminal on one node and who uses it on another: our own programs, and ordinary ssh."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from components.visor.node.node import Node
from plugins.terminal import options
from plugins.terminal.dialling import connected
from plugins.terminal.server import Server
from tests.support.home import FOREIGN
from tests.support.nodes import Mesh, link, mesh


@dataclass
class Shells:
    """`near` uses the terminal of `far`."""

    near: Node
    far: Node
    server: Server
    folder: Path
    stop: Callable[[], object]
    mesh: Mesh

    async def node_again(self) -> Node:
        """The far node, started anew."""
        return await self.mesh.node(app_socket=self.far.options.app_socket)

    @property
    def peer(self) -> str:
        return self.far.key.hex()

    def connected(self, port: int = 2) -> AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
        """SSH from the near node, in this process."""
        return connected(self.peer, port, str(self.near.options.app_socket))

    def client(self, *words: str, module: str = "client", options: Sequence[str] = ()) -> list[str]:
        """The command line of one of our programs at the near node."""
        visor = ["--visor", str(self.near.options.app_socket)]
        return [sys.executable, "-P", "-m", f"plugins.terminal.{module}", *visor, *options, *words]

    def openssh(self, program: str, *words: str, **options: str) -> list[str]:
        """ssh, scp or sftp over a stream of the mesh; the host is called `far`."""
        proxy = shlex.join(
            [sys.executable, "-P", "-m", "plugins.mesh.nc", "--visor", str(self.near.options.app_socket)]
        )
        given = {
            "ProxyCommand": f"{proxy} {self.peer} %p",
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "accept-new",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            **options,
        }
        return [program, "-F", "none", *(f"-o{name}={text}" for name, text in given.items()), *words]


@dataclass(frozen=True)
class Done:
    """What a program came to."""

    code: int
    out: bytes
    err: str


def surroundings(**more: str) -> dict[str, str]:
    """The environment of a test, less what could reach another home."""
    return {name: text for name, text in os.environ.items() if not name.startswith(FOREIGN)} | more


async def ran(argv: Sequence[str], stdin: bytes = b"", cwd: Path | None = None, **environ: str) -> Done:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=surroundings(**environ),
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate(stdin)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Done(process.returncode, out, err.decode())


@asynccontextmanager
async def shells(folder: Path, *words: str, allow: bool = True) -> AsyncIterator[Shells]:
    """Two linked nodes; the far one has a terminal, which the near one may use if `allow`."""
    async with mesh(folder) as made, asyncio.TaskGroup() as group:
        near, far = await made.node(), await made.node()
        await link(near, far)
        allowed = ["--allow", near.key.hex()] if allow else []
        key = ["--host-key", str(folder / "host_key")]
        given = options.server(["there", str(far.options.app_socket), *allowed, *key, *words])
        server = Server(given)
        told: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

        def ready(places: dict[str, str]) -> None:
            if not told.done():
                told.set_result(places)

        task = group.create_task(server.run(ready))
        try:
            async with asyncio.timeout(20):
                await told
            yield Shells(near, far, server, folder, task.cancel, made)
        finally:
            task.cancel()
