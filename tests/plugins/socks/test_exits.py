"""Reaching an exit, and its reply."""

import asyncio
from pathlib import Path

import pytest

from components.visor.app import App, Listener
from components.visor.kit.kept import KeptVisor
from plugins.socks import exits as module
from plugins.socks.destination import Destination
from plugins.socks.exits import Exits, NoExit
from plugins.socks.request import Code, Command, reply
from tests.support.nodes import mesh, row

PLACE = Destination("example.org", 80)


async def asked(folder: Path, answer: bytes | None) -> tuple[str, bytes]:
    """What comes of asking an exit that answers so."""
    async with mesh(folder) as made, asyncio.TaskGroup() as group:
        near, far = await row(made, 2)
        app = await made.app(far)
        listener = await app.listen(3)
        serving = group.create_task(serve(listener, answer))
        visor = KeptVisor(lambda: App.connect(str(near.options.app_socket)))
        running = group.create_task(visor.run(lambda app: None))
        try:
            key, stream, rest = await Exits(visor, [far.key.hex()], 3).ask(Command.CONNECT, PLACE)
            stream.close()
        finally:
            running.cancel()
            serving.cancel()
    return key, rest


async def serve(listener: Listener, answer: bytes | None) -> None:
    async for stream in listener:
        await stream.read(1)
        stream.write(answer or b"")
        if answer is not None:
            stream.write_eof()
        await asyncio.Event().wait()


async def test_what_comes_behind_a_yes_is_kept(short_tmp: Path) -> None:
    assert (await asked(short_tmp, reply(5, Code.DONE) + b"hello"))[1] == b"hello"


@pytest.mark.parametrize(
    "answer, code, text",
    [
        (reply(5, Code.NO_HOST), Code.NO_HOST, "no host"),
        (b"", Code.FAILED, "hung up"),
        (b"HTTP/1.1", Code.FAILED, "version 72"),
        (None, Code.FAILED, "no reply"),
    ],
)
async def test_another_reply_is_an_error_with_a_code(
    short_tmp: Path, answer: bytes | None, code: Code, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPLY_S", 0.5)
    with pytest.raises(BaseExceptionGroup) as caught:
        await asked(short_tmp, answer)
    found = caught.value.exceptions[0]
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, NoExit)
    assert found.code is code
    assert text in str(found)


async def test_without_a_key_or_a_visor_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    visor = KeptVisor(lambda: App.connect("/nonexistent"))
    with pytest.raises(NoExit, match="--peer PEER"):
        await Exits(visor, [], 3).ask(Command.CONNECT, PLACE)
    monkeypatch.setattr("components.visor.kit.kept.PATIENCE_S", 0.01)
    with pytest.raises(NoExit, match="it is away"):
        await Exits(visor, [32 * "0a"], 3).ask(Command.CONNECT, PLACE)
    with pytest.raises(NoExit) as caught:
        await Exits(visor, [], 3).ask(Command.CONNECT, Destination("x" * 300, 1))
    assert caught.value.code is Code.NO_SUCH_KIND
