"""SSH to a peer, and what is said when there is none."""

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.app import App, UnknownName
from plugins.terminal import dialling
from plugins.terminal.dialling import NoTerminal, check_greeting, connected
from tests.support.nodes import link, mesh
from tests.support.shells import shells


def test_a_greeting_of_ssh_is_taken_however_little_of_it_has_come() -> None:
    for end in range(1, 9):
        check_greeting(b"SSH-2.0-"[:end], "mike")


@pytest.mark.parametrize(
    "first, said",
    [
        (b"", "mike hung up without a word"),
        (b"no room for you\r\nmore", "mike: no room for you"),
        (b"\x1b[2J", "mike does not speak SSH there"),
        (b"HTTP" * 100, "mike does not speak SSH there"),
    ],
)
def test_anything_else_is_told(first: bytes, said: str) -> None:
    with pytest.raises(NoTerminal) as caught:
        check_greeting(first, "mike")
    assert str(caught.value) == said


@given(st.binary())
def test_nothing_of_a_peer_reaches_the_screen_raw(first: bytes) -> None:
    try:
        check_greeting(first, "mike")
    except NoTerminal as exc:
        said = str(exc)
    else:
        said = ""
    assert said.isprintable()


async def test_a_terminal_is_reached_and_asks_for_nothing(short_tmp: Path) -> None:
    async with (
        shells(short_tmp) as made,
        connected(made.peer, 2, str(made.near.options.app_socket)) as connection,
    ):
        assert (await connection.run("echo hello")).stdout == "hello\n"


async def test_a_node_that_is_not_on_the_list_is_told_so(short_tmp: Path) -> None:
    async with shells(short_tmp, allow=False) as made:
        with pytest.raises(NoTerminal, match=f"the key {made.near.key.hex()} is not on the list"):
            async with connected(made.peer, 22, str(made.near.options.app_socket)):
                pass
        assert made.server.status()["refused"] == 1


async def test_nobody_and_nobody_there_are_told(short_tmp: Path) -> None:
    async with mesh(short_tmp) as made:
        near, far = await made.node(), await made.node()
        await link(near, far)
        with pytest.raises(UnknownName):
            async with connected("mike", 2, str(near.options.app_socket)):
                pass
        with pytest.raises(NoTerminal, match="is `start terminal` done at"):
            async with connected(far.key.hex(), 2, str(near.options.app_socket)):
                pass


async def test_a_peer_that_says_nothing_is_given_up(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "GREETING_S", 0.1)
    async with mesh(short_tmp) as made:
        near, far = await made.node(), await made.node()
        await link(near, far)
        async with App.connect(str(far.options.app_socket)) as app, app.listen(2):
            with pytest.raises(NoTerminal, match=r"no greeting within 0\.1 s"):
                async with connected(far.key.hex(), 2, str(near.options.app_socket)):
                    pass


async def test_a_break_before_the_greeting_is_no_fault_of_ours() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        theirs.close()
        async with asyncio.timeout(5):
            assert await dialling._first(ours) == b""
