"""What a peer may say to forwarding, and what it gets; the peer is the test itself."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from components.visor.app import App, Stream, StreamReset
from plugins.forward import answering, request
from plugins.forward.request import Answer, Back, Lend, Open, Request
from plugins.forward.targets import connect
from tests.support.forwarding import PORT, Side, echoing, sides


@asynccontextmanager
async def peer(folder: Path) -> AsyncIterator[tuple[App, Side, Side]]:
    """An app of the first node, whose own forwarding does not run; the second offers port 9 to it."""
    async with sides(folder) as (near, far):
        await near.stop()
        await far.does(f"offer 9 --to {near.key}")
        async with App.connect(str(near.node.options.app_socket)) as app, asyncio.timeout(40):
            yield app, near, far


async def said(app: App, far: Side, asked: Request | bytes) -> tuple[Stream, Answer]:
    stream = await app.dial(far.key, PORT)
    stream.write(asked if isinstance(asked, bytes) else request.line(asked))
    return stream, request.answer(await stream.readline())


@pytest.mark.parametrize("data", [b"\n", b"GET / HTTP/1.0\r\n\r\n", b"x" * 100_000, b'{"t":"open"}\n'])
async def test_what_is_no_request_is_broken_off(short_tmp: Path, data: bytes) -> None:
    async with peer(short_tmp) as (app, _, far):
        with pytest.raises(StreamReset, match="code 258"):
            await said(app, far, data)
        assert far.server._work.answering.refused == 1


async def test_one_that_says_nothing_is_broken_off(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "REQUEST_S", 0.05)
    async with peer(short_tmp) as (app, _, far):
        with pytest.raises(StreamReset, match="code 258"):
            await said(app, far, b"")


@pytest.mark.parametrize("bound", ["MOST", "MOST_OF_ONE"])
async def test_too_many_are_turned_away(short_tmp: Path, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(answering, bound, 0)
    async with peer(short_tmp) as (app, _, far):
        with pytest.raises(StreamReset, match="code 257"):
            await said(app, far, Open(target="127.0.0.1:9"))


@pytest.mark.parametrize(
    "asked, code",
    [
        (Open(target="127.0.0.1:10"), "not-offered"),
        (Open(target="127.0.0.1:9", udp=True), "not-offered"),
        (Open(target="localhost:9"), "not-offered"),
        (Open(target="127.0.0.1:9"), "no-target"),
        (Lend(listen="127.0.0.1:9", token="t"), "not-lent"),
        (Back(token="t"), "unknown-token"),
    ],
)
async def test_what_is_not_allowed_has_its_reason(short_tmp: Path, asked: Request, code: str) -> None:
    async with peer(short_tmp) as (app, _, far):
        stream, answer = await said(app, far, asked)
        assert (answer.ok, answer.code) == (False, code)
        assert await stream.read() == b""


async def test_a_token_is_its_own_peers_only(short_tmp: Path) -> None:
    async with peer(short_tmp) as (app, near, far), echoing() as place:
        await far.does(f"rev {near.key}:9000 {place}")
        await far.does(f"rev {'02' + far.key}:9001 {place}")
        for token, back in far.server._work._backs.items():
            _, answer = await said(app, far, Back(token=token))
            assert answer.ok == (back.rule.peer == near.key)


async def test_bytes_behind_the_request_are_the_targets(short_tmp: Path) -> None:
    async with peer(short_tmp) as (app, near, far), echoing() as place:
        await far.does(f"offer {place} --to {near.key}")
        stream, answer = await said(app, far, request.line(Open(target=place)) + b"early ")
        assert answer.ok
        stream.write(b"late")
        stream.write_eof()
        assert await stream.read() == b"early late"


async def test_a_target_that_breaks_breaks_the_stream(short_tmp: Path) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.close()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server, peer(short_tmp) as (app, near, far):
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await far.does(f"offer {place} --to {near.key}")
        stream, _ = await said(app, far, Open(target=place))
        stream.write(b"xy")
        with pytest.raises(StreamReset):
            await stream.read()


async def test_an_offer_that_ends_while_its_target_is_dialled_leads_nowhere(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with peer(short_tmp) as (app, near, far), echoing() as place:
        await far.does(f"offer {place} --to {near.key}")

        async def slow(target: str, *, udp: bool) -> socket.socket:
            sock = await connect(target, udp=udp)
            far.server._work.rules.kept.clear()
            far.server._work.answering.recheck()
            return sock

        monkeypatch.setattr(answering, "connect", slow)
        _, answer = await said(app, far, Open(target=place))
        assert (answer.ok, answer.code) == (False, "not-offered")
