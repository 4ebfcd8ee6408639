import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tests.support.fake_world import instance
from tests.support.far_hosts import Hosts, far_hosts
from tests.support.verbs import Visitor, visit
from viscript.door.protocol import Frame, Frames, frame
from viscript.errors import ExitCode


@pytest.fixture
async def hosts(short_tmp: Path) -> AsyncIterator[Hosts]:
    async with far_hosts(short_tmp, m1=[], m2=[instance(7, "web")]) as found:
        yield found


@asynccontextmanager
async def viewing(short_tmp: Path, *argv: str) -> AsyncIterator[Visitor]:
    """A viewer at m1 of an app of m2, once he is attached."""
    async with visit(short_tmp / "m1") as visitor:
        await visitor.send({"v": 1, "argv": argv})
        assert await visitor.receive() == {
            "a": {"id": "m2/7", "tty": False, "name": "web", "read_only": "-r" in argv}
        }
        yield visitor


async def end_of(visitor: Visitor) -> dict[str, object]:
    """The frame that ends the attachment."""
    frames = Frames()
    async with asyncio.timeout(20):
        while data := await visitor.reader.read(4096):
            for kind, payload in frames.feed(data):
                if kind is Frame.END:
                    return dict(msgspec.json.decode(payload))
    raise AssertionError("it hung up without a word")


async def until_asked(hosts: Hosts, *what: object) -> None:
    async with asyncio.timeout(20):
        while what not in hosts["m2"].world.fake.asked:
            await asyncio.sleep(0.01)


async def until_closed(hosts: Hosts) -> None:
    async with asyncio.timeout(20):
        while not all(stream.closed for stream in hosts["m2"].streams):
            await asyncio.sleep(0.01)


async def test_keys_go_there_and_detaching_leaves_the_app_alone(hosts: Hosts, short_tmp: Path) -> None:
    async with viewing(short_tmp, "attach", "m2/7") as visitor:
        await visitor.send(frame(Frame.DATA, b"hello\n"))
        await until_asked(hosts, "send", 7, b"hello\n")
        await visitor.send(frame(Frame.RESIZE, b"\x00\x50\x00\x18"))
        await until_asked(hosts, "resize", 7, 80, 24)
        await visitor.send(frame(Frame.DETACH))
        assert (await end_of(visitor))["text"] == "detached"
    await until_closed(hosts)


async def test_who_only_looks_types_nothing(hosts: Hosts, short_tmp: Path) -> None:
    async with viewing(short_tmp, "attach", "-r", "m2/7") as visitor:
        await visitor.send(frame(Frame.DATA, b"hello\n") + frame(Frame.DETACH))
        assert (await end_of(visitor))["code"] == 0
    assert hosts["m2"].world.fake.asked == []


async def test_a_host_that_goes_away_ends_the_view_with_a_word(hosts: Hosts, short_tmp: Path) -> None:
    async with viewing(short_tmp, "attach", "m2/7") as visitor:
        hosts["m2"].lose()
        end = await end_of(visitor)
    assert (end["code"], end["text"]) == (ExitCode.UNREACHABLE, "m2: the link broke")


async def test_a_viewer_who_leaves_hangs_up_there(hosts: Hosts, short_tmp: Path) -> None:
    async with viewing(short_tmp, "attach", "m2/7"):
        pass
    await until_closed(hosts)


async def test_a_script_attaches_nowhere(hosts: Hosts) -> None:
    said = await hosts.say("attach m2/7", mode="script")
    assert said.code == ExitCode.USAGE
    assert "attach needs a connection of its own" in said.err


async def test_one_app_is_shown_at_a_time(hosts: Hosts) -> None:
    said = await hosts.say("attach @all/7")
    assert said.code == ExitCode.USAGE
    assert "name one host" in said.err
