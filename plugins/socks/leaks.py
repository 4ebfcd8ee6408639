"""The leak test: a connection like any program's, and what it shows of where it came out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from plugins.socks import mirror
from plugins.socks.destination import BadDestination, Destination
from plugins.socks.handshake import OPEN, PASSWORD, Credentials
from plugins.socks.mirror import Page
from plugins.socks.request import BadRequest, Code, Command, parse_reply, write

LOOK_S: Final = 20.0
_PIECE: Final = 4096
_MOST: Final = 64 * 1024
_WAYS: Final = {
    Code.NO_HOST: "the exit cannot be reached; `mesh check` tells more",
    Code.REFUSED: "the exit's node is there, and no socks-server on it",
    Code.NOT_ALLOWED: "the exit knows no page of its own: it is older than this client",
    Code.FAILED: "no exit answered, or it does not let this node out",
}


class NoPage(Exception):
    """The local port or the exit gives no page; the sentence says why."""


class Finding(NamedTuple):
    """One line of the test."""

    check: str
    status: str  # pass, warn or fail
    text: str


async def look(host: str, port: int, credentials: Credentials | None = None) -> Page:
    """The exit's page, by the local port, as a program gets it. Raises `NoPage`."""
    try:
        async with asyncio.timeout(LOOK_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return await _asked(reader, writer, credentials)
            finally:
                writer.close()
    except TimeoutError as exc:
        raise NoPage(f"no answer within {LOOK_S:g} s") from exc
    except (OSError, EOFError) as exc:
        raise NoPage("it broke before the page came; perhaps the exit lets others out only") from exc
    except (BadRequest, BadDestination, mirror.BadPage) as exc:
        raise NoPage(str(exc)) from exc


async def _asked(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, credentials: Credentials | None
) -> Page:
    writer.write(bytes([5, 1, OPEN if credentials is None else PASSWORD]))
    await reader.readexactly(2)
    if credentials is not None:
        writer.write(_login(credentials))
        await reader.readexactly(2)
    writer.write(write(Command.CONNECT, Destination(mirror.NAME, 80)))
    data = b""
    while (found := parse_reply(data)) is None:
        data += await _more(reader)
    code, _, size = found
    if code is not Code.DONE:
        raise NoPage(_WAYS.get(code, f"the exit says: {code.name.lower().replace('_', ' ')}"))
    writer.write(mirror.REQUEST)
    page = data[size:]
    while len(page) < _MOST and (more := await reader.read(_PIECE)):
        page += more
    return mirror.parse(page)


async def _more(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(_PIECE)
    if not data:
        raise EOFError
    return data


def _login(credentials: Credentials) -> bytes:
    user, password = credentials.user.encode(), credentials.password.encode()
    return bytes([1, len(user)]) + user + bytes([len(password)]) + password


def findings(page: Page | None, why: str, keys: Sequence[str], here: Sequence[str]) -> list[Finding]:
    """What the page shows, or what its absence does. `here` are this host's addresses outwards. Pure."""
    if page is None:
        return [Finding("traffic", "fail", f"a program gets nothing: {why}")]
    if page["exit"] not in keys:
        return [Finding("traffic", "fail", f"it leaves at {page['exit'][:8]}, which is none of your exits")]
    return [
        Finding("traffic", "pass", f"it leaves at {page['exit'][:8]}"),
        Finding("names", "pass", f"{mirror.NAME} was looked up there; use socks5h or socks4a for that"),
        _of_addresses(page["addresses"], here),
    ]


def _of_addresses(there: Sequence[str], here: Sequence[str]) -> Finding:
    shown, own = " and ".join(there) or "nowhere", " and ".join(here) or "nowhere"
    if not there:
        return Finding("address", "warn", "the exit's host has no way to the internet")
    if set(there) & set(here):
        return Finding("address", "warn", f"the exit goes out from {shown}, as this host does by itself")
    return Finding("address", "pass", f"out from {shown} there; from {own} by itself")
