import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_world import NOW, FakeWorld, instance
from tests.support.verbs import Visitor, ask, visit
from viscript.door.protocol import Frame, Frames, frame
from viscript.door.server import Door
from viscript.keeper.segments import OUT, file_name
from viscript.states import State
from viscript.supervisor.api import Exit


class Screen:
    """A viewer's end of an attachment."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._frames = Frames()
        self._waiting: list[tuple[Frame, bytes]] = []
        self.shown = b""

    async def next(self, wanted: Frame) -> bytes:
        """The payload of the next frame of that kind; data on the way is collected."""
        async with asyncio.timeout(20):
            while True:
                while self._waiting:
                    kind, payload = self._waiting.pop(0)
                    if kind is Frame.DATA:
                        self.shown += payload
                    if kind is wanted:
                        return payload
                chunk = await self._visitor.reader.read(65536)
                assert chunk
                self._waiting += self._frames.feed(chunk)

    async def until(self, text: bytes) -> None:
        while text not in self.shown:
            await self.next(Frame.DATA)

    async def end(self) -> Any:
        return json.loads(await self.next(Frame.END))


@pytest.fixture
def world(short_tmp: Path) -> FakeWorld:
    folder = short_tmp / "7-web"
    folder.mkdir()
    write(folder, b"".join(b"line %d\n" % number for number in range(30)))
    return FakeWorld(instance(7, "web", log_dir=str(folder), tty=True))


def write(folder: Path, data: bytes) -> None:
    with (folder / file_name(0, OUT, "log")).open("ab") as file:
        file.write(data)


@pytest.fixture
async def path(world: FakeWorld, short_tmp: Path) -> AsyncIterator[Path]:
    async with Door(world, world.table, short_tmp / "d"):
        yield short_tmp / "d"


async def attached(visitor: Visitor, command: str = "attach 7") -> Screen:
    await visitor.send({"v": 1, "argv": command.split()})
    while (message := await visitor.receive()) is not None and "a" not in message:
        pass
    read_only = "-r" in command
    assert message == {"a": {"id": 7, "tty": True, "name": "web", "read_only": read_only}}
    return Screen(visitor)


async def test_the_backlog_comes_first_then_what_is_written(world: FakeWorld, path: Path) -> None:
    async with visit(path) as visitor:
        screen = await attached(visitor)
        await screen.until(b"line 29\n")
        assert screen.shown.startswith(b"line 10\n")
        write(Path(world.fake.instance(7).log_dir), b"prompt> ")
        for bell in world.fake.bells[7]:
            bell()
        await screen.until(b"prompt> ")


async def test_keys_and_sizes_reach_the_app(world: FakeWorld, path: Path) -> None:
    async with visit(path) as visitor:
        screen = await attached(visitor)
        await visitor.send(frame(Frame.RESIZE, b"\0\x50\0\x18") + frame(Frame.DATA, b"\x03hi"))
        await visitor.send(frame(Frame.DETACH))
        assert await screen.end() == {"code": 0, "text": "detached"}
    assert world.fake.asked == [("resize", 7, 80, 24), ("send", 7, b"\x03hi")]


async def test_who_only_looks_sends_nothing(world: FakeWorld, path: Path) -> None:
    async with visit(path) as visitor:
        screen = await attached(visitor, "attach -r 7")
        await visitor.send(frame(Frame.DATA, b"x") + frame(Frame.DETACH))
        await screen.end()
    assert world.fake.asked == []


async def test_the_end_of_the_app_ends_the_attachment_after_its_last_output(
    world: FakeWorld, path: Path
) -> None:
    async with visit(path) as visitor:
        screen = await attached(visitor)
        await screen.until(b"line 29\n")
        write(Path(world.fake.instance(7).log_dir), b"last words\n")
        world.fake.change(7, state=State.FATAL, last_exit=Exit(signal=11))
        assert await screen.end() == {"code": 1, "text": "[7] web is fatal: signal 11 (SIGSEGV)"}
        assert screen.shown.endswith(b"last words\n")


async def test_several_may_view_and_detach_ends_them_all(path: Path) -> None:
    async with visit(path) as one, visit(path) as two:
        screens = [await attached(one), await attached(two)]
        said = await ask(path, argv=["detach", "7"])
        assert said.out == "[7] web: 2 viewers detached\n"
        assert [(await screen.end())["text"] for screen in screens] == ["detached by `detach`"] * 2


async def test_what_happens_to_the_app_is_noted(world: FakeWorld, path: Path) -> None:
    async with visit(path) as visitor:
        screen = await attached(visitor)
        await screen.until(b"line 29\n")
        world.events.tell("app.exited", "app/8", now=NOW, reason="not mine")
        world.events.tell("app.exited", "app/7", now=NOW, reason="signal 11")
        assert await screen.next(Frame.NOTE) == b"[7] app.exited: signal 11"


async def test_a_frame_that_is_none_ends_the_attachment(path: Path) -> None:
    async with visit(path) as visitor:
        screen = await attached(visitor)
        await visitor.send(frame(Frame.RESIZE, b"x"))
        assert (await screen.end())["code"] == 2


async def test_a_viewer_that_vanishes_leaves_nothing(world: FakeWorld, path: Path) -> None:
    async with visit(path) as visitor:
        await attached(visitor)
    while world.fake.bells[7]:
        await asyncio.sleep(0.001)


async def test_start_attaches_to_what_it_started(world: FakeWorld, path: Path) -> None:
    async with visit(path) as visitor:
        await visitor.send({"v": 1, "argv": ["s", "-a", "apptracker"]})
        assert await visitor.receive() == {"o": "[8] apptracker is running, pid 1008\n"}
        assert await visitor.receive() == {
            "a": {"id": 8, "tty": False, "name": "apptracker", "read_only": False}
        }


async def test_what_does_not_run_cannot_be_attached(world: FakeWorld, path: Path) -> None:
    world.fake.change(7, state=State.STOPPED)
    assert (await ask(path, argv=["attach", "7"])).code == 3
