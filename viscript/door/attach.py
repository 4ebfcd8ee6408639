"""The server's side of `attach`: an app's output to a viewer, the viewer's keys to the app.

Output is read from the app's log, bytes as they are: any number of viewers, each at its own speed,
cost the app nothing. Four tasks serve a viewer; the first that ends, ends the attachment:
output and notes to him, keys and sizes from him, the app's end, the order to leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from viscript.door.connection import Connection
from viscript.door.protocol import BadFrame, Frame, Frames, data_frames, end_frame, frame, line, window
from viscript.errors import ExitCode, VerbError
from viscript.events import Gap
from viscript.logs.bell import Bell, heard
from viscript.logs.playhead import Playhead
from viscript.logs.reader import LogReader
from viscript.logs.tape import Tape
from viscript.render.human import exit_text
from viscript.render.text import clean
from viscript.states import ENDED, State
from viscript.supervisor.api import Instance, World
from viscript.verbs.reach import title
from viscript.verbs.table import Attach
from viscript.verbs.watching import Follower

if TYPE_CHECKING:
    from viscript.door.server import Door

BACKLOG_LINES: Final = 20
POLL_S: Final = 0.25
_REST_S: Final = 0.1  # how long output may trail behind the end of its app


class _Done(Exception):
    """The attachment is over; what to tell the viewer."""

    def __init__(self, code: ExitCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


async def attach(connection: Connection, door: Door, wanted: Attach) -> None:
    """Serve one viewer until he leaves or the app has ended."""
    world = door.world
    item = world.supervisor.instance(wanted.seq)
    facts = {"id": item.seq, "tty": item.tty, "name": item.name, "read_only": wanted.read_only}
    await connection.send(line({"a": facts}))
    with ExitStack() as stack:
        leave = stack.enter_context(door.viewers.viewing(item.seq))
        output = _Output(item)
        stack.callback(output.close)
        stack.callback(world.supervisor.output_changed(item.seq, output.bell.ring))
        jobs = (
            lambda: output.show(connection),
            lambda: _notes(connection, world, item.seq),
            lambda: _keys(connection, world, wanted),
            lambda: _end(world, item.seq),
            lambda: _left(leave),
        )
        done = await _first(jobs)
        await asyncio.sleep(0)
        await output.rest(connection)
    await connection.send(end_frame(done.code, done.text))


async def _first(jobs: tuple[Callable[[], Awaitable[None]], ...]) -> _Done:
    """Run all; the first that raises `_Done` ends them."""
    over: list[_Done] = []

    async def guarded(job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except _Done as done:
            over.append(done)
        except VerbError as exc:
            over.append(_Done(exc.code, exc.text))
        except OSError:
            over.append(_Done(ExitCode.DONE, "the viewer is gone"))
        for task in tasks:
            task.cancel()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(guarded(job)) for job in jobs]
    return over[0] if over else _Done(ExitCode.DONE, "")


class _Output:
    """The app's streams from the backlog on."""

    def __init__(self, item: Instance) -> None:
        self.bell = Bell()
        start = LogReader(item.log_dir).before_last(BACKLOG_LINES)._asdict() if item.log_dir else {}
        self._heads = [Playhead(Tape(item.log_dir, stream), place) for stream, place in start.items()]

    def close(self) -> None:
        for head in self._heads:
            head.close()

    async def show(self, connection: Connection) -> None:
        """For ever: all there is, then what comes."""
        while True:
            ring = self.bell.listen()
            if not await self._drain(connection):
                await heard(ring, POLL_S)

    async def rest(self, connection: Connection) -> None:
        """What was written before the end, as far as the viewer still takes it."""
        try:
            async with asyncio.timeout(_REST_S):
                while await self._drain(connection):
                    pass
        except (OSError, TimeoutError):
            return

    async def _drain(self, connection: Connection) -> bool:
        some = False
        for head in self._heads:
            block = head.read()
            if block is not None:
                some = True
                await connection.send(data_frames(block.data))
        return some


async def _notes(connection: Connection, world: World, seq: int) -> None:
    """Tell what happens to the app between its lines: exits, restarts."""
    follower = Follower(world.events)
    try:
        while True:
            try:
                batch = await follower.next()
            except Gap:
                continue
            for event in batch:
                if event.object == f"app/{seq}" and event.reason:
                    text = clean(f"[{seq}] {event.type}: {event.reason}")
                    await connection.send(frame(Frame.NOTE, text.encode()))
    finally:
        follower.close()


async def _keys(connection: Connection, world: World, wanted: Attach) -> None:
    """What the viewer sends."""
    frames = Frames()
    while chunk := await connection.chunk():
        for kind, payload in frames.feed(chunk):
            if kind is Frame.DETACH:
                raise _Done(ExitCode.DONE, "detached")
            try:
                await _act(kind, payload, world, wanted)
            except BadFrame:
                raise
            except VerbError as exc:
                await connection.send(frame(Frame.NOTE, clean(exc.text).encode()))
    raise _Done(ExitCode.DONE, "the viewer is gone")


async def _act(kind: Frame, payload: bytes, world: World, wanted: Attach) -> None:
    if kind is Frame.RESIZE:
        columns, rows = window(payload)
        if not wanted.read_only:
            await world.supervisor.resize(wanted.seq, columns, rows)
    elif kind is Frame.DATA and not wanted.read_only:
        written = await world.supervisor.send(wanted.seq, payload)
        if written < len(payload):
            raise VerbError(
                ExitCode.FAILED, f"the app does not read its input; {len(payload) - written} bytes were lost"
            )


async def _end(world: World, seq: int) -> None:
    """Wait for the app to end for good."""
    item = await world.supervisor.wait_for(seq, ENDED, None)
    how = f": {exit_text(item.last_exit)}" if item.last_exit else ""
    code = ExitCode.FAILED if item.state is State.FATAL else ExitCode.DONE
    raise _Done(code, f"{title(item)} is {item.state}{how}")


async def _left(leave: asyncio.Event) -> None:
    await leave.wait()
    raise _Done(ExitCode.DONE, "detached by `detach`")
