"""Streams that become SSH connections: what is granted, what is refused, what cannot do harm."""

import asyncio
import contextlib
from pathlib import Path

import asyncssh
import pytest

from components.visor.app import App, StreamReset
from plugins.terminal.visitors import MOST_OF_ONE, SESSIONS
from tests.support.nodes import until
from tests.support.shells import shells


async def test_a_refused_node_gets_a_sentence_and_nothing_of_it_is_read(short_tmp: Path) -> None:
    async with shells(short_tmp, allow=False) as made:
        async with App.connect(str(made.near.options.app_socket)) as app:
            stream = await app.dial(made.peer, 2)
            async with asyncio.timeout(20):
                assert (
                    await stream.read()
                    == f"the key {app.key.hex()} is not on the list of this terminal\r\n".encode()
                )
        assert made.server.status()["refused"] == 1


async def test_the_node_itself_is_always_on_the_list(short_tmp: Path) -> None:
    async with shells(short_tmp, allow=False) as made:
        made.near = made.far
        async with made.connected() as connection:
            assert (await connection.run("echo me")).stdout == "me\n"


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.0\r\n\r\n", b"\0" * 100_000, b"SSH-2.0-x\r\n" + b"\xff" * 70_000]
)
async def test_garbage_ends_the_visit_and_nothing_else(short_tmp: Path, data: bytes) -> None:
    async with shells(short_tmp) as made:
        async with App.connect(str(made.near.options.app_socket)) as app:
            stream = await app.dial(made.peer, 2)
            stream.write(data)
            async with asyncio.timeout(30):
                with contextlib.suppress(StreamReset):  # it need not have read all of that
                    while await stream.read(65536):
                        pass
        await until(lambda: made.server.status()["connections"] == 0)
        async with made.connected() as connection:
            assert (await connection.run("echo fine")).stdout == "fine\n"


async def test_a_thousand_opens_stay_within_the_bound_and_the_next_is_served(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        async with App.connect(str(made.near.options.app_socket)) as app:
            for _ in range(10):
                streams = [await app.dial(made.peer, 2) for _ in range(100)]
                assert made.server.status()["connections"] <= MOST_OF_ONE
                for stream in streams:
                    stream.close()
        assert made.server.status()["refused"] > 0
        await until(lambda: made.server.status()["connections"] == 0)
        async with made.connected() as connection:
            assert (await connection.run("echo fine")).stdout == "fine\n"


async def test_one_connection_has_so_many_sessions_and_no_more(short_tmp: Path) -> None:
    async with shells(short_tmp) as made, made.connected() as connection:
        running = [await connection.create_process("sleep 60") for _ in range(SESSIONS)]
        with pytest.raises(asyncssh.ChannelOpenError, match="Session refused"):
            await connection.run("true")
        running[0].close()
        await running[0].wait_closed()
        assert (await connection.run("echo again")).stdout == "again\n"


async def test_there_is_a_shell_and_there_are_files_and_nothing_else(short_tmp: Path) -> None:
    async with shells(short_tmp) as made, made.connected() as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(subsystem="netconf")
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", 1)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_unix_connection("/run/x")


async def test_files_may_be_left_out(short_tmp: Path) -> None:
    async with shells(short_tmp, "--no-files") as made, made.connected() as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.start_sftp_client()
        assert (await connection.run("echo shell")).stdout == "shell\n"


async def test_a_fault_in_one_session_ends_that_one_only(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with shells(short_tmp) as made, made.connected() as connection:
        with monkeypatch.context() as patch:
            patch.setattr("plugins.terminal.session.environment", broken)
            assert (await connection.run("true")).returncode is None
        assert (await connection.run("echo fine")).stdout == "fine\n"
        assert "a session of peer=" in caplog.text


async def test_a_fault_in_one_visit_ends_that_one_only(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError

    async with shells(short_tmp) as made:
        async with App.connect(str(made.near.options.app_socket)) as app:
            with monkeypatch.context() as patch:
                patch.setattr("asyncssh.connect_reverse", broken)
                stream = await app.dial(made.peer, 2)
                await until(lambda: "a visit of peer=" in caplog.text)
                stream.close()
        async with made.connected() as connection:
            assert (await connection.run("echo fine")).stdout == "fine\n"
