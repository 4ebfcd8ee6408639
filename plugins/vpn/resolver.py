"""The exit's side of names: asks the resolvers of its host, in turn until one answers."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from plugins.vpn.names import answers, nameservers

log = logging.getLogger(__name__)

ONE_S: Final = 3.0
PORT: Final = 53
RESOLV_CONF: Final = Path("/etc/resolv.conf")
_LARGEST: Final = 65_535


def servers_of_this_host(path: Path = RESOLV_CONF) -> tuple[str, ...]:
    """The resolvers of this host."""
    try:
        return nameservers(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return nameservers("")


async def resolve(question: bytes, servers: Sequence[str], *, tcp: bool, port: int = PORT) -> bytes | None:
    """The first answer; None if nobody gave one."""
    for server in servers:
        try:
            async with asyncio.timeout(ONE_S):
                answer = await (_by_tcp if tcp else _by_udp)(question, server, port)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as exc:
            log.debug("no answer from resolver=%s: %s", server, exc)
            continue
        return answer
    return None


async def _by_udp(question: bytes, server: str, port: int) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(_family(server), socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, (server, port))
        await loop.sock_sendall(sock, question)
        while not answers(answer := await loop.sock_recv(sock, _LARGEST), question):
            log.debug("resolver=%s sent what is no answer", server)
        return answer


async def _by_tcp(question: bytes, server: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(server, port)
    try:
        writer.write(len(question).to_bytes(2, "big") + question)
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = await reader.readexactly(size)
    finally:
        writer.close()
    if not answers(answer, question):
        raise OSError("what came is no answer")
    return answer


def _family(server: str) -> int:
    return socket.AF_INET6 if ":" in server else socket.AF_INET
