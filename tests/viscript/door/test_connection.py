import asyncio
import os
import socket

import pytest

from viscript.door.connection import Connection, LineTooLong, may_enter
from viscript.door.protocol import LINE_MAX


def test_the_same_user_may_enter_and_others_may_not() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert may_enter(here, os.geteuid())
        if os.geteuid() != 0:
            assert not may_enter(here, os.geteuid() + 1)


def test_a_user_who_is_neither_the_owner_nor_root_may_not_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def getsockopt(self, *_: int) -> bytes:
            return b"\x01\0\0\0" + (4242).to_bytes(4, "little") + b"\0\0\0\0"

    assert not may_enter(Other(), 4243)  # type: ignore[arg-type]  # as much of a socket as is asked
    assert may_enter(Other(), 4242)  # type: ignore[arg-type]  # the same


def test_where_the_system_does_not_tell_the_folder_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED")
    here, there = socket.socketpair()
    with here, there:
        assert may_enter(here, 4242)


async def test_lines_come_whole_and_the_end_is_none() -> None:
    here, there = socket.socketpair()
    connection = await Connection.of(here)
    with there:
        there.sendall(b"one\ntwo\nthr")
        assert await connection.line() == b"one\n"
        assert await connection.line() == b"two\n"
    assert await connection.line() is None
    await connection.close()


async def test_a_line_over_the_limit_is_refused() -> None:
    here, there = socket.socketpair()
    there.setblocking(False)
    connection = await Connection.of(here)
    with there:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.get_running_loop().sock_sendall(there, b"x" * (LINE_MAX + 2)))
            with pytest.raises(LineTooLong):
                await connection.line()
            group.create_task(_rest(connection))
            await asyncio.sleep(0.01)
            there.shutdown(socket.SHUT_WR)
    await connection.close()


async def _rest(connection: Connection) -> None:
    while await connection.chunk():
        pass


async def test_writing_to_who_is_gone_is_an_os_error() -> None:
    here, there = socket.socketpair()
    connection = await Connection.of(here)
    there.close()
    with pytest.raises(ConnectionError):
        await _write_much(connection)
    await connection.close()


async def _write_much(connection: Connection) -> None:
    for _ in range(100):
        await connection.out("x" * 1000)


async def test_nothing_is_sent_for_no_text() -> None:
    here, there = socket.socketpair()
    connection = await Connection.of(here)
    await connection.out("")
    await connection.err("")
    await connection.out("a")
    assert there.recv(100) == b'{"o":"a"}\n'
    there.close()
    await connection.close()
