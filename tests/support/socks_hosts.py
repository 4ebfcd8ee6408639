"""SOCKS between hosts of a network: clients and exits at visors; outside, servers of pages, names and ssh.

Outside has addresses as the internet has them, which an exit may reach unless it is told otherwise; a host
with an exit has a cable to it. Names are looked up by dnsmasq, and by the exits only.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from tests.support.mesh_hosts import Program, Visor, World, mesh_hosts
from tests.support.network import Host

WEB: Final = "45.0.0.80"
WEB6: Final = "2600:45::80"
DNS: Final = "45.0.0.53"
NAMES: Final = {
    "web.example": WEB,
    "six.example": WEB6,
    "inside.example": "10.1.0.1",
    "loop.example": "::ffff:127.0.0.1",
}
PAGE: Final = b"""<html><body><p id=x>before</p>
<script>x.textContent = 'System is ' + 'working!'</script></body></html>
"""
_RIGHTS: Final = Path("/run/sshd")  # where sshd gives its rights up; its package's service makes it
SOCKS: Final = "127.0.0.1:1080"
HTTP: Final = "127.0.0.1:1081"


class Outside:
    """The servers, on a host of their own; `folder` is what the web server shows."""

    def __init__(self, world: World, stack: AsyncExitStack) -> None:
        self.host = world.network.host("outside")
        self.folder = world.folder / "www"
        self.folder.mkdir()
        (self.folder / "index.html").write_bytes(PAGE)
        self._world = world
        self._stack = stack
        for address in (f"{WEB}/32", f"{DNS}/32", f"{WEB6}/128"):
            self.host.ip("address", "add", address, "dev", "lo")
        self._nginx()
        names = [f"--address=/{name}/{address}" for name, address in NAMES.items()]
        alone = ("--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file=", "--user=root")
        here = (f"--listen-address={DNS}", "--bind-interfaces")
        self.spawn("dnsmasq", "--keep-in-foreground", *here, *alone, *names)

    def spawn(self, *argv: str) -> None:
        """A server; it ends with the network."""
        process = self.host.spawn(*argv)
        self._stack.callback(process.wait, 10)
        self._stack.callback(process.kill)

    def _nginx(self) -> None:
        config = self._world.folder / "nginx.conf"
        config.write_text(f"""
            daemon off; master_process off; pid {config}.pid; error_log {config}.log;
            events {{ worker_connections 512; }}
            http {{
                access_log off; sendfile on;
                client_body_temp_path {config}.body; proxy_temp_path {config}.proxy;
                fastcgi_temp_path {config}.fast; uwsgi_temp_path {config}.uwsgi; scgi_temp_path {config}.scgi;
                server {{
                    listen 80; listen [::]:80; root {self.folder};
                    location /who {{ return 200 "$remote_addr"; }}
                }}
            }}
        """)
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert nginx, "nginx is not installed"
        self.spawn(nginx, "-c", str(config), "-e", f"{config}.log")

    def ssh(self, folder: Path) -> Path:
        """An ssh server at port 22 of the web server's address; the key that it lets in as root."""
        for name in ("host", "user"):
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(argv, check=True, timeout=30)
        if not _RIGHTS.exists():
            _RIGHTS.mkdir(mode=0o755)
            self._stack.callback(_RIGHTS.rmdir)
        self.spawn(
            "/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", str(folder / "host"),
            "-o", "PidFile=none", "-o", "StrictModes=no", "-o", f"AuthorizedKeysFile={folder / 'user.pub'}",
        )  # fmt: skip
        return folder / "user"

    def joins(self, host: Host) -> None:
        """A cable to a host, which asks here for names."""
        cable = self._world.network.cable(host, self.host)
        _, _, address, sixth = cable.second
        host.ip("route", "add", "45.0.0.0/24", "via", address)
        host.ip("-6", "route", "add", "2600:45::/64", "via", sixth)
        folder = Path("/etc/netns") / host.namespace  # `ip netns exec` puts these files in place
        folder.mkdir(parents=True)
        (folder / "resolv.conf").write_text(f"nameserver {DNS}\n")
        self._stack.callback(_remove, folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


class SocksWorld:
    """Visors, and apps at them."""

    def __init__(self, world: World, stack: AsyncExitStack) -> None:
        self.world = world
        self.outside = Outside(world, stack)
        self.apps: dict[str, Program] = {}
        self._stack = stack

    async def exit(self, visor: Visor, *words: str) -> Program:
        """An exit at a visor, ready."""
        self.outside.joins(visor.host)
        return await self.app(f"exit-{visor.name}", visor, "plugins.socks.server", "3", *words)

    async def client(self, visor: Visor, *exits: Visor, port: int = 1080) -> Program:
        """A client at a visor, ready; HTTP CONNECT is at the next port."""
        peers = ",".join(each.pk for each in exits)
        words = ("--peer", peers, "--http", f"127.0.0.1:{port + 1}")
        return await self.app(f"client-{visor.name}-{port}", visor, "plugins.socks.client", str(port), *words)

    async def app(self, name: str, visor: Visor, module: str, *words: str) -> Program:
        """An app at a visor, ready."""
        program = Program(visor.host, self.world.folder, name)
        self._stack.callback(program.close)
        program.start(module, name, str(visor.home / "app.sock"), *words)
        await program.said("ready:")
        self.apps[name] = program
        return program


@asynccontextmanager
async def socks_hosts(folder: Path) -> AsyncIterator[SocksWorld]:
    """A network with its services and what is outside; all is gone after the block."""
    async with mesh_hosts(folder) as world, AsyncExitStack() as stack:
        yield SocksWorld(world, stack)


async def ran(host: Host, *argv: str, deadline_s: float = 90.0) -> tuple[int, bytes, str]:
    """What a program on that host came to: its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *host.inside(*argv), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(deadline_s):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out, err.decode(errors="replace")


async def curl(host: Host, *words: str) -> tuple[int, bytes, str]:
    """curl on that host."""
    return await ran(host, "curl", "-sS", "--max-time", "60", *words)
