"""One pairing on one connection: deadlines, last words, and what the other end may do."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from tests.support.paired import until
from tests.support.pairings import inviter, joiner
from viscript.cluster.pairing import meeting as module
from viscript.cluster.pairing.frames import frame
from viscript.cluster.pairing.meeting import Meeting
from viscript.cluster.pairing.side import Phase
from viscript.errors import VerbError

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


async def met(sock: socket.socket, *, invites: bool, calls: list[str]) -> Meeting:
    reader, writer = await asyncio.open_connection(sock=sock)
    side = inviter() if invites else joiner()
    return Meeting(
        side,
        reader,
        writer,
        agreed=lambda _: calls.append("agreed"),
        welcomed=lambda _, records: calls.append(f"welcomed {len(records)}"),
    )


@asynccontextmanager
async def both() -> AsyncIterator[tuple[Meeting, Meeting, list[str]]]:
    one, two = socket.socketpair()
    calls: list[str] = []
    inviting, joining = await met(one, invites=True, calls=calls), await met(two, invites=False, calls=calls)
    async with asyncio.TaskGroup() as group:
        group.create_task(inviting.run())
        group.create_task(joining.run())
        yield inviting, joining, calls


@asynccontextmanager
async def alone(*, invites: bool) -> AsyncIterator[tuple[Meeting, Reader, Writer]]:
    """A meeting whose other end is the test."""
    one, two = socket.socketpair()
    meeting = await met(one, invites=invites, calls=[])
    reader, writer = await asyncio.open_connection(sock=two)
    async with asyncio.TaskGroup() as group:
        group.create_task(meeting.run())
        try:
            yield meeting, reader, writer
        finally:
            writer.close()
            await writer.wait_closed()


async def test_both_show_the_same_words_and_agree() -> None:
    async with both() as (inviting, joining, calls):
        await inviting.shown.wait()
        await joining.shown.wait()
        assert inviting.words == joining.words
        assert inviting.waits_for_us
        inviting.yes()
        assert inviting.is_confirmed
        assert inviting.decided.is_set()
        joining.yes()
        await until(lambda: calls.count("agreed") == 2)
        inviting.carry(inviting.side.welcome((b"record",)))  # type: ignore[union-attr]  # it is the inviter's
        await until(lambda: "welcomed 1" in calls)
        joining.carry(joining.side.taken())  # type: ignore[union-attr]  # it is the joiner's
        await inviting.result()
        await joining.result()


async def test_a_no_reaches_the_other_screen() -> None:
    async with both() as (inviting, joining, _):
        await joining.shown.wait()
        joining.no()
        with pytest.raises(VerbError, match="words are not the same"):
            await joining.result()
        with pytest.raises(VerbError, match="the other side says that the words differ"):
            await inviting.result()


@pytest.mark.parametrize("invites", [True, False])
async def test_who_says_nothing_is_given_up(invites: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHAKE_S", 0.05)
    async with alone(invites=invites) as (meeting, _, _writer):
        with pytest.raises(VerbError, match="did not shake hands within"):
            await meeting.result()


async def test_words_that_nobody_confirms_end_it_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPARE_S", 0.3)
    async with both() as (inviting, joining, _):
        with pytest.raises(VerbError, match="confirm"):
            await inviting.result()
        with pytest.raises(VerbError, match="confirm"):
            await joining.result()


async def test_a_record_that_never_comes_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_S", 0.1)
    async with both() as (inviting, joining, _):
        await inviting.shown.wait()
        await joining.shown.wait()
        inviting.yes()
        joining.yes()
        with pytest.raises(VerbError, match="no record of the new member was made"):
            await inviting.result()


async def test_who_hangs_up_ends_it() -> None:
    async with alone(invites=True) as (meeting, _, writer):
        writer.close()
        with pytest.raises(VerbError, match="hung up"):
            await meeting.result()


async def test_who_breaks_the_connection_ends_it() -> None:
    listener = await asyncio.start_server(lambda reader, writer: writer.transport.abort(), "127.0.0.1", 0)
    async with listener:
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        meeting = Meeting(joiner(), reader, writer, agreed=lambda _: None, welcomed=lambda _, __: None)
        await meeting.run()
    assert meeting.ended is not None
    assert "hung up" in meeting.ended.text


async def test_our_last_word_is_out_before_we_hang_up_and_the_rest_is_not_looked_at() -> None:
    async with alone(invites=True) as (meeting, reader, writer):
        writer.write(frame(b"nonsense") + b"x" * 100_000)
        await meeting.over.wait()
        assert meeting.side.phase is Phase.DEAD
        writer.write_eof()
        assert await reader.read() == b""


async def test_one_that_never_hangs_up_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.05)
    async with alone(invites=True) as (meeting, reader, writer):
        writer.write(frame(b"nonsense"))
        assert await reader.read() == b""
        assert meeting.over.is_set()


async def test_nothing_is_done_twice_once_it_is_over() -> None:
    async with alone(invites=True) as (meeting, _, writer):
        writer.close()
        await meeting.over.wait()
        first = meeting.ended
        meeting.no()
        assert meeting.ended is first
        assert meeting.words == ""
