import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from components.mesh.channel import ControlChannel, Method
from components.mesh.delivery import State
from components.mesh.errors import Gone, Refused
from components.mesh.mail_wire import Ask, Letters, Posted, Store, Stored, Taken, Told
from components.mesh.ports import MeshPort
from components.mesh.session import dial
from components.mesh.writer import Writer
from components.messenger import depot, letters
from components.messenger.letters import Post
from tests.support.mesh import ALICE, BOB, CAROL
from tests.support.messengers import mail, messenger, post_office, told

A, B, C = ALICE.public_key, BOB.public_key, CAROL.public_key


async def test_a_messenger_without_a_store_has_no_door_for_letters() -> None:
    async with messenger() as (_, where):
        with pytest.raises(Refused, match="no-such-port"):
            await dial(where.address, ALICE, C, MeshPort.MAIL)


async def test_letters_for_who_is_not_served_are_refused_one_by_one(tmp_path: Path) -> None:
    async with post_office(tmp_path / "m") as (it, where):
        it.allow_only(frozenset({A, C}))
        session = await dial(where.address, ALICE, C, MeshPort.MAIL)
        async with ControlChannel(session) as channel:
            both = Store((Posted(B, bytes(16), b"x"), Posted(C, b"y" * 16, b"y")))
            assert await channel.call("store", both, Stored) == Stored(("not-allowed", ""))
            assert await channel.call("ask", Ask((bytes(16), b"y" * 16)), Told) == Told((), (bytes(16),))


async def test_a_session_in_which_nothing_is_asked_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "IDLE_S", 0.05)
    async with post_office(tmp_path / "m") as (_, where):
        session = await dial(where.address, ALICE, C, MeshPort.MAIL)
        async with ControlChannel(session) as channel, asyncio.timeout(10):
            await channel.call("ask", Ask(()), Told)
            await channel.ended.wait()


async def test_a_key_has_so_many_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "MAX_SESSIONS", 1)
    async with post_office(tmp_path / "m") as (_, where):
        session = await dial(where.address, ALICE, C, MeshPort.MAIL)
        async with ControlChannel(session) as channel:
            await channel.call("ask", Ask(()), Told)
            with pytest.raises(Refused, match="busy"):
                await dial(where.address, ALICE, C, MeshPort.MAIL)


async def test_what_was_not_signed_for_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "AGAIN_S", 0.02)
    given: asyncio.Queue[Letters] = asyncio.Queue()

    async def take(body: Letters) -> Taken:
        await given.put(body)
        return Taken()

    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
    ):
        await told(alice, await alice.send(B, b"hello"), State.RELAYED)
        session = await dial(where.address, BOB, C, MeshPort.PRESENCE)
        async with ControlChannel(session, {"letters": Method(Letters, take)}), asyncio.timeout(10):
            assert await given.get() == await given.get()


async def test_a_sender_that_takes_no_receipts_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object, **__: object) -> None:
        raise Gone("away")

    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
    ):
        id_ = await alice.send(B, b"hello")
        await told(alice, id_, State.RELAYED)
        monkeypatch.setattr(ControlChannel, "tell", gone)
        async with mail(BOB, tmp_path / "b", [where]) as bob:
            assert (await bob.receive()).message == b"hello"
            await told(alice, id_, State.DELIVERED)


async def test_a_full_disk_ends_no_presence_and_loses_no_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(letters, "AGAIN_S", 0.02)
    real, faults = depot.receipted, [1, 2, 3]

    def receipted(db: sqlite3.Connection, *rest: Any) -> object:  # Any: as the real one
        if faults:
            faults.pop()
            raise sqlite3.OperationalError("database or disk is full")
        return real(db, *rest)

    monkeypatch.setattr(depot, "receipted", receipted)
    async with (
        post_office(tmp_path / "m") as (it, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
        mail(BOB, tmp_path / "b", [where]) as bob,
    ):
        id_ = await alice.send(B, b"hello")
        assert (await bob.receive()).message == b"hello"
        here = it.presences.of(B)
        await told(alice, id_, State.DELIVERED)
        assert it.presences.of(B) is here
    assert "database or disk is full" in caplog.text


async def test_the_old_is_swept_and_a_closed_store_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "SWEEP_S", 0.01)
    async with Writer(tmp_path / "m", depot.SCHEMA) as writer:
        old = [Posted(B, bytes(16), b"x")]
        await writer.run(lambda db: depot.store(db, A, old, depot.Shares(), 0))
        post = Post(writer)
        async with asyncio.TaskGroup() as tasks:
            sweeping = tasks.create_task(post.sweep_forever())
            async with asyncio.timeout(10):
                while await post.totals():
                    await asyncio.sleep(0.005)
            writer._closed = True
            async with asyncio.timeout(10):
                while "could not sweep" not in caplog.text:
                    await asyncio.sleep(0.005)
            sweeping.cancel()
