"""Names are asked for at the exit, whichever resolver a program means."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path as Folder

import pytest

from tests.support.mesh_hosts import until
from tests.support.vpn import Capture, Path, path

RESOLVERS = ("192.0.2.53", "127.0.0.53", "10.1.0.2", "2001:db8::53", "::1")
SERVE = """
import asyncio
from tests.support.vpn import resolving
async def main():
    async with resolving({address!r}, 53):
        await asyncio.Event().wait()
asyncio.run(main())
"""
ASK = """
import socket, sys
question = b"\\x12\\x34\\x01\\x00\\x00\\x01" + bytes(6) + b"\\x07example\\x00\\x00\\x01\\x00\\x01"
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
kind = socket.SOCK_STREAM if sys.argv[2] == "tcp" else socket.SOCK_DGRAM
with socket.socket(family, kind) as sock:
    sock.settimeout(10)
    sock.connect((sys.argv[1], 53))
    sock.sendall((len(question).to_bytes(2, "big") if sys.argv[2] == "tcp" else b"") + question)
    answer = sock.recv(1000)
print(answer[-4:].hex() if answer.endswith(bytes((192, 0, 2, 7))) else f"failed {answer.hex()}")
"""


@pytest.fixture
async def way(short_tmp: Folder) -> AsyncIterator[Path]:
    async with path(short_tmp) as made:
        yield made


def asked(way: Path, resolver: str, how: str) -> str:
    """What a program at Ann is answered."""
    done = subprocess.run(
        way.ann.host.inside("python3", "-c", ASK, resolver, how),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout.strip() or done.stderr


async def test_every_resolver_is_the_exits(way: Path) -> None:
    way.at_web(sys.executable, "-c", SERVE.format(address=way.address))
    await way.serve("--allow-private", "--dns", f"127.0.0.9,{way.address}")
    with Capture(way.ann.host) as capture:
        await way.up("--kill-switch")
        await until(lambda: asked(way, RESOLVERS[0], "udp") == "c0000207", "an answer")
        for how in ("udp", "tcp"):
            for resolver in RESOLVERS:
                assert asked(way, resolver, how) == "c0000207", (resolver, how)
        await way.ask("confirm")
        await way.stop(way.server)
        await way.state("path dead", "path dead, kill switch holds")
        assert asked(way, RESOLVERS[0], "udp").startswith("failed 12348182")
    assert capture.sent_to() == []


async def test_names_may_be_left_alone(way: Path) -> None:
    await way.serve()
    await way.up("--own-dns")
    assert "redirect" not in way.ann.host.run("nft", "list", "ruleset")
