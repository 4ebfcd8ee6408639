"""The address of a visor on another host, and what cannot be done with one."""

import asyncio
import socket
from pathlib import Path

import pytest

from components.visor.app import App, Misuse, NoVisor
from components.visor.sdk.farvisor import parse
from tests.support.far_visor import served
from tests.support.mesh import ALICE, BOB, CAROL

KEY = ALICE.public_key.hex()


def test_an_address_has_a_key_and_a_place() -> None:
    assert parse(f"02{KEY}@[::1]:7777") == (ALICE.public_key, ("::1", 7777))
    for wrong in (f"{KEY}@host", "abc@host:1", f"{KEY}@"):
        with pytest.raises(Misuse, match="KEY@host:port"):
            parse(wrong)


def test_who_asks_must_be_said() -> None:
    with pytest.raises(Misuse, match="identity="):
        App.connect(f"{KEY}@host:7777")


async def test_nobody_at_the_address_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoVisor, match="no visor"):
        async with App.connect(f"{KEY}@127.0.0.1:{port}", identity=CAROL):
            raise AssertionError


async def test_no_socket_can_be_handed_over(short_tmp: Path) -> None:
    async with (
        asyncio.timeout(20),
        served(short_tmp) as made,
        made.app() as app,
        App.connect(str(made.net.there)) as there,
        there.listen(7),
    ):
        stream = await app.dial(BOB.public_key, 7)
        for hand_over in (stream.hand_over, lambda sock: app.hand_over(sock, BOB.public_key, 7)):
            one, other = socket.socketpair()
            with pytest.raises(Misuse, match="copy its bytes"):
                await hand_over(one)
            other.close()
        stream.close()


async def test_a_stream_whose_session_fails_is_broken(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        asyncio.timeout(20),
        served(short_tmp) as made,
        made.app() as app,
        App.connect(str(made.net.there)) as there,
        there.listen(7),
    ):

        async def refused(wanted: object) -> None:
            raise NoVisor("it went")

        monkeypatch.setattr(app.place, "_dial", refused)
        stream = await app.dial(BOB.public_key, 7)
        with pytest.raises(ConnectionResetError):
            await stream.read()
        stream.close()
