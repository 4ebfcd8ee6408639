import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signal_bus.testing import until
from tests.support.distant import SocketStream
from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import Said, Visitor, ask, visit
from viscript.door.protocol import FAR_LINE_MAX
from viscript.door.server import Door
from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Role


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(instance(7, "apptracker"))


@pytest.fixture
async def path(world: FakeWorld, short_tmp: Path) -> AsyncIterator[Path]:
    async with Door(world, world.table, short_tmp / "d"):
        yield short_tmp / "d"
    assert not (short_tmp / "d").exists()


async def test_only_the_user_may_open_the_socket(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_socket_file_of_a_dead_daemon_is_replaced(world: FakeWorld, short_tmp: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(short_tmp / "d"))
    dead.close()
    async with Door(world, world.table, short_tmp / "d"):
        assert (await ask(short_tmp / "d", argv=["la"])).code == 0


async def test_another_user_is_turned_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viscript.door.server.may_enter", lambda sock, uid: False)
    said = await ask(path, argv=["la"])
    assert said.code == ExitCode.NOT_PERMITTED


async def test_conversations_are_bounded(world: FakeWorld, short_tmp: Path) -> None:
    async with Door(world, world.table, short_tmp / "d", most=2):
        async with visit(short_tmp / "d"), visit(short_tmp / "d"):
            said = await ask(short_tmp / "d", argv=["la"])
            assert said.code == ExitCode.FAILED
            assert "2 conversations" in said.err
        while (await ask(short_tmp / "d", argv=["la"])).code != 0:
            await asyncio.sleep(0.01)


async def test_many_at_once_are_all_served(path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(path, argv=["ping", "7"])) for _ in range(100)]
    assert {task.result().code for task in tasks} == {0}


async def test_closing_the_door_ends_what_follows(world: FakeWorld, short_tmp: Path) -> None:
    async with Door(world, world.table, short_tmp / "d"):
        reader, writer = await asyncio.open_unix_connection(str(short_tmp / "d"))
        writer.write(b'{"v":1,"argv":["events","-f"]}\n')
        assert await reader.readline() == b'{"k":1}\n'
    assert await reader.read() == b""
    writer.close()


async def test_what_is_carried_ends_before_the_door_is_closed(world: FakeWorld, short_tmp: Path) -> None:
    world.fake.hold = asyncio.Event()
    async with Door(world, world.table, short_tmp / "d"):
        async with visit(short_tmp / "d") as visitor:
            await visitor.send({"v": 1, "argv": ["sd", "7"]})
            while not world.fake.asked:
                await asyncio.sleep(0.001)
        asyncio.get_running_loop().call_later(0.3, world.fake.hold.set)
    assert world.fake.finished == ["stop 7"]


async def test_carried_work_gives_its_result_or_what_it_raised(world: FakeWorld, short_tmp: Path) -> None:
    async def work() -> int:
        return 5

    async def failing() -> int:
        raise VerbError(ExitCode.FAILED, "no")

    async with Door(world, world.table, short_tmp / "d") as door:
        assert await door.carry(work()) == 5
        with pytest.raises(VerbError, match="no"):
            await door.carry(failing())


async def test_a_failure_after_the_caller_left_harms_nobody(world: FakeWorld, short_tmp: Path) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def failing() -> None:
        started.set()
        await go.wait()
        raise VerbError(ExitCode.FAILED, "no")

    async with Door(world, world.table, short_tmp / "d") as door:
        async with asyncio.TaskGroup() as group:
            caller = group.create_task(door.carry(failing()))
            await started.wait()
            caller.cancel()
        go.set()
        await asyncio.sleep(0)
        assert (await ask(short_tmp / "d", argv=["la"])).code == 0


async def test_running_out_of_descriptors_only_delays(
    world: FakeWorld, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscript.door.server._PAUSE_S", 0.01)
    loop = asyncio.get_running_loop()
    accept = loop.sock_accept
    failures = [OSError(24, "Too many open files")]

    async def failing(sock: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return await accept(sock)

    monkeypatch.setattr(loop, "sock_accept", failing)
    async with Door(world, world.table, short_tmp / "d"):
        assert (await ask(short_tmp / "d", argv=["la"])).code == 0


async def test_no_descriptor_is_left_behind(path: Path) -> None:
    await ask(path, argv=["la"])
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        await ask(path, argv=["la"])
    while len(os.listdir("/dev/fd")) > before:
        await asyncio.sleep(0.001)


async def test_a_caller_of_another_host_has_the_role_he_was_given(world: FakeWorld, short_tmp: Path) -> None:
    async def said(role: Role, *argv: str) -> Said:
        ours, theirs = socket.socketpair()
        async with Door(world, world.table, short_tmp / "d") as door, asyncio.TaskGroup() as group:
            group.create_task(door.serve(SocketStream(theirs), actor="ab" * 32, role=role))
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            visitor = Visitor(reader, writer)
            await visitor.send({"v": 1, "argv": argv, "called": "m2"})
            try:
                return await visitor.rest()
            finally:
                writer.close()
                await writer.wait_closed()

    assert "m2/7" in (await said(Role.VIEW, "la")).out
    refused = await said(Role.VIEW, "sd", "7")
    assert refused.code == ExitCode.NOT_PERMITTED
    assert "the key abababababababab has view" in refused.err
    assert (await said(Role.OPERATE, "sd", "7")).code == 0


async def test_what_a_caller_calls_this_host_is_a_label(path: Path) -> None:
    assert (await ask(path, argv=["la"], called="m2\x1b[2J")).code == ExitCode.USAGE


async def test_callers_of_other_hosts_take_no_room_of_the_user_here(
    world: FakeWorld, short_tmp: Path
) -> None:
    async with Door(world, world.table, short_tmp / "d", most=1) as door, asyncio.TaskGroup() as group:
        ends = []
        for _ in range(2):
            ours, theirs = socket.socketpair()
            group.create_task(door.serve(SocketStream(theirs), actor="ab" * 32, role=Role.VIEW))
            ends.append(await asyncio.open_unix_connection(sock=ours))
        assert b"1 conversations open" in await ends[1][0].readline()
        assert (await ask(short_tmp / "d", argv=["la"])).code == 0
        for _, writer in ends:
            writer.close()


@asynccontextmanager
async def from_elsewhere(door: Door, actor: str, *, role: Role = Role.VIEW) -> AsyncIterator[Visitor]:
    """A visitor with the key of another host, who is in, or was turned away."""
    ours, theirs = socket.socketpair()
    before = door.room._open[actor]
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(door.serve(SocketStream(theirs), actor=actor, role=role))
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        visitor = Visitor(reader, writer)
        await until(lambda: serving.done() or door.room._open[actor] > before)
        try:
            yield visitor
        finally:
            writer.close()


async def test_one_other_host_leaves_room_for_the_rest(world: FakeWorld, short_tmp: Path) -> None:
    async with (
        Door(world, world.table, short_tmp / "d", most=8) as door,
        from_elsewhere(door, "ab" * 32),
        from_elsewhere(door, "ab" * 32),
    ):
        async with from_elsewhere(door, "ab" * 32) as third:
            assert "2 conversations of this host are open already" in (await third.rest()).err
        async with from_elsewhere(door, "cd" * 32) as other:
            await other.send({"v": 1, "argv": ["la"]})
            assert (await other.rest()).code == 0


async def test_a_request_from_another_host_is_short(world: FakeWorld, short_tmp: Path) -> None:
    async with Door(world, world.table, short_tmp / "d") as door:
        async with from_elsewhere(door, "ab" * 32) as visitor:
            await visitor.send({"v": 1, "argv": ["status", "a" * FAR_LINE_MAX]})
            assert f"longer than {FAR_LINE_MAX} bytes" in (await visitor.rest()).err
        assert (await ask(short_tmp / "d", argv=["status", "a" * FAR_LINE_MAX])).code == ExitCode.NOT_FOUND


async def test_nobody_elsewhere_has_a_third_host_asked_by_what_it_types(
    world: FakeWorld, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    async def prepare(*wanted: object) -> None:
        asked.append(wanted)

    monkeypatch.setattr("viscript.door.complete.prepare", prepare)
    async with Door(world, world.table, short_tmp / "d") as door:
        async with from_elsewhere(door, "ab" * 32) as visitor:
            await visitor.send({"v": 1, "complete": {"text": "la m3/", "cursor": 6}})
            assert "items" in (await visitor.receive() or {})
        assert not asked
        async with visit(short_tmp / "d") as visitor:
            await visitor.send({"v": 1, "complete": {"text": "la m3/", "cursor": 6}})
            assert "items" in (await visitor.receive() or {})
        assert asked
