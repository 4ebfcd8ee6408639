"""The program behind `mesh nc`, between two visors: a process with pipes, a socket, a terminal."""

import asyncio
import hashlib
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from components.visor.app import App, AppError, Stream, StreamReset
from components.visor.node.node import Node
from plugins.mesh import nc
from signal_bus.identity import Identity, draw
from tests.support.nodes import link, mesh
from tests.support.prompt import environ

DEADLINE_S = 60
PORT = 700


@asynccontextmanager
async def pair(folder: Path, serve: Callable[[Stream], Awaitable[None]]) -> AsyncIterator[tuple[Node, Node]]:
    """Two linked nodes; `serve` has the streams that come to the second."""

    async def accept(app: App) -> None:
        async for stream in app.listen(PORT):
            try:
                await serve(stream)
            finally:
                stream.close()

    async with mesh(folder) as made, asyncio.timeout(DEADLINE_S):
        near, far = await made.node(), await made.node()
        await link(near, far)
        app = await made.app(far)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(accept(app))
            while PORT not in (await app.describe()).ports:
                await asyncio.sleep(0.01)
            yield near, far
            task.cancel()


async def started(near: Node, *words: str, stdin: Any = PIPE, stdout: Any = PIPE) -> Process:
    argv = ["--visor", str(near.options.app_socket), *words]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "plugins.mesh.nc", *argv),
        stdin=stdin,
        stdout=stdout,
        stderr=PIPE,
        env=environ(near.options.app_socket.parent),
    )


async def count_and_hash(stream: Stream) -> None:
    """Reads to the end, then answers: half-closes have to be passed on for that."""
    data = await stream.read()
    stream.write(f"{len(data)} {hashlib.sha256(data).hexdigest()}\n".encode())
    await stream.drain()


async def test_input_is_sent_to_its_end_and_the_answer_still_comes(short_tmp: Path) -> None:
    data = os.urandom(3_000_001)
    async with pair(short_tmp, count_and_hash) as (near, far):
        process = await started(near, far.key.hex(), str(PORT))
        told, said = await process.communicate(data)
    assert (process.returncode, said) == (0, b"")
    assert told.decode().split() == [str(len(data)), hashlib.sha256(data).hexdigest()]


async def test_a_label_or_first_digits_name_the_peer(short_tmp: Path) -> None:
    async with pair(short_tmp, count_and_hash) as (near, far):
        near.book.name(far.key, "mike")
        for name in ("mike", far.key.hex()[:8]):
            process = await started(near, name, str(PORT), stdin=DEVNULL)
            told, _ = await process.communicate()
            assert told.startswith(b"0 ")


async def test_a_peer_that_ends_first_still_hears_the_rest(short_tmp: Path) -> None:
    heard = asyncio.get_running_loop().create_future()

    async def end_first(stream: Stream) -> None:
        stream.write(b"bye")
        stream.write_eof()
        heard.set_result(await stream.read())

    async with pair(short_tmp, end_first) as (near, far):
        process = await started(near, far.key.hex(), str(PORT))
        assert process.stdout is not None
        assert process.stdin is not None
        assert await process.stdout.read() == b"bye"
        process.stdin.write(b"the rest")
        process.stdin.close()
        assert await heard == b"the rest"
        assert await process.wait() == 0


async def test_a_socket_that_is_input_and_output_is_given_to_the_visor(short_tmp: Path) -> None:
    data = os.urandom(500_000)
    async with pair(short_tmp, count_and_hash) as (near, far):
        ours, theirs = socket.socketpair()
        with theirs:
            process = await started(near, far.key.hex(), str(PORT), stdin=theirs, stdout=theirs)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        writer.write(data)
        writer.write_eof()
        assert (await reader.read()).decode().split()[1] == hashlib.sha256(data).hexdigest()
        writer.close()
        assert await process.wait() == 0


async def test_a_stream_that_breaks_is_exit_code_1_with_a_reason(short_tmp: Path) -> None:
    async def break_off(stream: Stream) -> None:
        await stream.readexactly(1)
        await stream.abort(300)

    async with pair(short_tmp, break_off) as (near, far):
        process = await started(near, far.key.hex(), str(PORT))
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"x")
        assert await process.wait() == 1
        assert (
            b"mesh nc: the peer's app broke the stream off with its code 300" in await process.stderr.read()
        )


async def test_who_reads_no_more_ends_it(short_tmp: Path) -> None:
    async def chatter(stream: Stream) -> None:
        with suppress(StreamReset):
            while True:
                stream.write(b"x" * 65536)
                await stream.drain()

    async with pair(short_tmp, chatter) as (near, far):
        reading, writing = os.pipe()
        process = await started(near, far.key.hex(), str(PORT), stdout=writing)
        os.close(writing)
        assert await asyncio.to_thread(os.read, reading, 100)
        os.close(reading)
        assert await process.wait() == 1
        assert process.stderr is not None
        assert await process.stderr.read() == b"mesh nc: standard output: Broken pipe\n"


async def test_at_a_terminal_the_peers_end_is_the_end(short_tmp: Path) -> None:
    async def greet(stream: Stream) -> None:
        stream.write(b"hello")
        await stream.drain()

    async with pair(short_tmp, greet) as (near, far):
        master, slave = os.openpty()
        process = await started(near, far.key.hex(), str(PORT), stdin=slave)
        os.close(slave)
        told, said = await process.communicate()
        os.close(master)
    assert (process.returncode, told, said) == (0, b"hello", b"")


@pytest.mark.parametrize(
    "answer, whole", [(b"pong", True), (b"", False)], ids=["and ends well", "and does not read what was sent"]
)
async def test_an_app_of_the_same_node_is_reached_too(short_tmp: Path, answer: bytes, whole: bool) -> None:
    async def reply(stream: Stream) -> None:
        await stream.readexactly(4)
        if whole:
            stream.write(answer)
            await stream.read()

    async with pair(short_tmp, reply) as (_, far):
        process = await started(far, far.key.hex(), str(PORT))
        told, said = await process.communicate(b"ping" if whole else b"ping" * 500_000)
    assert (process.returncode, told) == (0 if whole else 1, answer)
    assert said == b"" if whole else b"before it read everything" in said


@pytest.mark.parametrize(
    "words, code, sentence",
    [
        (["nobody", "700"], 5, "nobody"),
        (["{key}", "701"], 3, "nobody listens"),
        (["{stranger}", "700"], 4, ""),
        (["", "700"], 2, "a key or a label"),
        (["{key}", "0"], 2, "'0' is no port"),
        (["{key}"], 2, "PORT"),
    ],
)
async def test_each_fault_has_its_code(short_tmp: Path, words: list[str], code: int, sentence: str) -> None:
    stranger = Identity(draw()).public_key.hex()
    async with pair(short_tmp, count_and_hash) as (near, far):
        given = [word.format(key=far.key.hex(), stranger=stranger) for word in words]
        process = await started(near, *given, stdin=DEVNULL)
        _, said = await process.communicate()
    assert process.returncode == code
    assert sentence in said.decode()
    assert b"Traceback" not in said


def test_without_a_visor_it_says_so(short_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert nc.main(["--visor", str(short_tmp / "none"), "mike", "700"]) == 3
    assert "no visor answers" in capsys.readouterr().err


def test_every_error_of_the_sdk_has_a_code() -> None:
    kinds = [kind for kind, _ in nc.CODES]
    assert kinds[-1] is AppError
    for at, kind in enumerate(kinds):
        assert not any(issubclass(kind, earlier) for earlier in kinds[:at])
