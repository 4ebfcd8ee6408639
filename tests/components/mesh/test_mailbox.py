import asyncio
from pathlib import Path

import pytest

from components.mesh import envelope
from components.mesh.channel import ControlChannel, Nothing
from components.mesh.delivery import State
from components.mesh.envelope import Mark, open_receipt
from components.mesh.errors import CallerError, RemoteError
from components.mesh.mail_wire import MAX_MESSAGE, Ask, Posted, Receipts, Store, Stored, Told
from components.mesh.mailbox import Mailbox
from components.mesh.ports import MeshPort
from components.mesh.roster import Messenger as Where
from components.mesh.session import dial
from components.messenger.depot import Shares
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL
from tests.support.messengers import OTHER, mail, post_office, told, until

A, B = ALICE.public_key, BOB.public_key
DEAD = Where(CAROL.public_key, ("127.0.0.1", 1))


async def took(mailbox: Mailbox, count: int) -> list[bytes]:
    """The next messages, each read at once."""
    found = []
    async with asyncio.timeout(20):
        for _ in range(count):
            message = await mailbox.receive()
            found.append(message.message)
            await mailbox.read(message)
    return found


async def test_a_message_goes_from_hand_to_hand_and_its_sender_hears_of_each(tmp_path: Path) -> None:
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
    ):
        id_ = await alice.send(B, b"hello")
        await told(alice, id_, State.RELAYED)
        async with mail(BOB, tmp_path / "b", [where]) as bob:
            message = await bob.receive()
            assert (message.sender, message.id, message.message) == (A, id_, b"hello")
            await told(alice, id_, State.DELIVERED)
            await bob.read(message)
            await bob.read(message)
            await told(alice, id_, State.READ)
            answer = await bob.send(A, b"hello too")
            assert (await alice.receive()).message == b"hello too"
        async with mail(BOB, tmp_path / "b", [where]) as bob:
            await told(bob, answer, State.DELIVERED)


async def test_a_sender_that_is_not_present_hears_in_its_next_round(tmp_path: Path) -> None:
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where], present=False) as alice,
        mail(BOB, tmp_path / "b", [where]) as bob,
    ):
        first = await alice.send(B, b"one")
        await told(alice, first, State.DELIVERED)
        await until(lambda: not alice._couriers)
        assert await took(bob, 1) == [b"one"]
        await until_read(where, first)
        await told(alice, await alice.send(B, b"two"), State.DELIVERED)
        assert await alice.state(first) is State.READ


async def until_read(where: Where, id_: bytes) -> None:
    session = await dial(where.address, ALICE, where.key, MeshPort.MAIL)
    async with ControlChannel(session) as channel, asyncio.timeout(10):
        while open_receipt((await channel.call("ask", Ask((id_,)), Told)).receipts[0]).mark is not Mark.READ:
            await asyncio.sleep(0.01)


async def test_many_come_in_order_and_once_while_the_messenger_comes_and_goes(tmp_path: Path) -> None:
    sent = [b"%d" % number for number in range(150)]
    async with mail(ALICE, tmp_path / "a", [DEAD]) as alice:
        ids = [await alice.send(B, message) for message in sent[:100]]
        assert await alice.state(ids[0]) in (State.QUEUED, State.SENT)
    async with post_office(tmp_path / "m") as (_, where), mail(ALICE, tmp_path / "a", [where]) as alice:
        ids += [await alice.send(B, message) for message in sent[100:]]
        await told(alice, ids[-1], State.RELAYED)
    async with post_office(tmp_path / "m") as (_, where), mail(BOB, tmp_path / "b", [where]) as bob:
        assert await took(bob, 70) == sent[:70]
    async with post_office(tmp_path / "m") as (_, where), mail(BOB, tmp_path / "b", [where]) as bob:
        assert await took(bob, 80) == sent[70:]
        async with mail(ALICE, tmp_path / "a", [where]) as alice:
            for id_ in ids:
                await told(alice, id_, State.READ)


async def test_a_messenger_that_lost_its_disk_is_given_all_again(tmp_path: Path) -> None:
    async with mail(ALICE, tmp_path / "a", [DEAD]) as alice:
        ids = [await alice.send(B, b"%d" % number) for number in range(3)]
    for disk in ("m1", "m2"):
        async with post_office(tmp_path / disk) as (_, where), mail(ALICE, tmp_path / "a", [where]) as alice:
            await told(alice, ids[-1], State.RELAYED)
            if disk == "m2":
                async with mail(BOB, tmp_path / "b", [where]) as bob:
                    assert await took(bob, 3) == [b"0", b"1", b"2"]


async def test_two_messengers_with_the_same_letters_give_each_once(tmp_path: Path) -> None:
    async with post_office(tmp_path / "m") as (_, first), mail(ALICE, tmp_path / "a", [first]) as alice:
        ids = [await alice.send(B, b"%d" % number) for number in range(3)]
        await told(alice, ids[-1], State.RELAYED)
    async with (
        post_office(tmp_path / "n", OTHER) as (_, second),
        mail(ALICE, tmp_path / "a", [second]) as alice,
    ):
        await until_kept(second, ids)
        await alice.send(B, b"3")
        async with (
            post_office(tmp_path / "m") as (_, first),
            mail(BOB, tmp_path / "b", [first, second]) as bob,
        ):
            assert await took(bob, 4) == [b"0", b"1", b"2", b"3"]


async def until_kept(where: Where, ids: list[bytes]) -> None:
    session = await dial(where.address, ALICE, where.key, MeshPort.MAIL)
    async with ControlChannel(session) as channel, asyncio.timeout(10):
        while (await channel.call("ask", Ask(tuple(ids)), Told)).unknown:
            await asyncio.sleep(0.01)


async def test_a_full_share_is_waited_for(tmp_path: Path) -> None:
    two = Shares(letters=2)
    async with (
        post_office(tmp_path / "m", shares=two) as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
    ):
        ids = [await alice.send(B, b"%d" % number) for number in range(7)]
        await told(alice, ids[1], State.RELAYED)
        assert await alice.state(ids[2]) in (State.QUEUED, State.SENT)
        async with mail(BOB, tmp_path / "b", [where]) as bob:
            assert await took(bob, 7) == [b"%d" % number for number in range(7)]


async def test_a_receiver_without_room_on_its_disk_takes_nothing_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.messenger.letters.AGAIN_S", 0.05)
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
        mail(BOB, tmp_path / "b", [where]) as bob,
    ):
        await bob._writer.run(lambda db: db.execute("PRAGMA max_page_count=1").fetchall())
        ids = [await alice.send(B, bytes(30_000)) for _ in range(20)]
        await told(alice, ids[-1], State.RELAYED)
        await bob._writer.run(lambda db: db.execute("PRAGMA max_page_count=100000").fetchall())
        assert len(await took(bob, 20)) == 20


async def test_after_days_away_a_receiver_has_what_was_kept(tmp_path: Path) -> None:
    now = 1_000_000.0
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where], clock=lambda: now) as alice,
    ):
        await told(alice, await alice.send(B, b"early"), State.RELAYED)
    now += 13 * 86_400
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(BOB, tmp_path / "b", [where], clock=lambda: now) as bob,
    ):
        assert (await bob.receive()).message == b"early"


async def test_what_nobody_took_for_long_is_given_up(tmp_path: Path) -> None:
    now = 1_000_000.0
    async with mail(ALICE, tmp_path / "a", [DEAD], clock=lambda: now) as alice:
        id_ = await alice.send(B, b"too late")
    now += 15 * 86_400
    async with mail(ALICE, tmp_path / "a", [DEAD], clock=lambda: now) as alice:
        await told(alice, id_, State.EXPIRED)


async def test_what_cannot_be_opened_is_dropped_and_false_receipts_are_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    short = envelope.seal(CAROL, B, b"no number", id=bytes(16), time_ms=1)
    junk = Store((Posted(B, bytes(16), b"junk"), Posted(B, b"x" * 16, short)))
    async with post_office(tmp_path / "m") as (_, where), mail(BOB, tmp_path / "b", [where]):
        session = await dial(where.address, CAROL, where.key, MeshPort.MAIL)
        async with ControlChannel(session) as channel:
            assert await channel.call("store", junk, Stored) == Stored(("", ""))
            await until(lambda: "dropped letters" in caplog.text)
            letter = envelope.Letter(A, CAROL.public_key, bytes(16), 1, b"")
            anothers = envelope.receipt(CAROL, letter, envelope.Mark.READ, time_ms=1)
            assert await channel.call("receipts", Receipts((anothers,)), Nothing) == Nothing()
            with pytest.raises(RemoteError, match="bad-receipt"):
                await channel.call("receipts", Receipts((bytes(153),)), Nothing)


async def test_a_receipt_that_does_not_hold_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with mail(ALICE, tmp_path / "a", []) as alice:
        id_ = await alice.send(B, b"hello")
        await alice._receipted([bytes(153)])
        assert await alice.state(id_) is State.QUEUED
    assert "a receipt does not hold" in caplog.text


async def test_a_message_has_a_size(tmp_path: Path) -> None:
    async with mail(ALICE, tmp_path / "a", []) as alice:
        with pytest.raises(CallerError, match="at most 32744 bytes"):
            await alice.send(B, bytes(MAX_MESSAGE + 1))


async def test_a_fault_in_one_round_does_not_stop_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
    ):
        real, rounds = alice._round, []

        async def once(receiver: PublicKey) -> None:
            rounds.append(receiver)
            if len(rounds) == 1:
                raise ZeroDivisionError
            await real(receiver)

        monkeypatch.setattr(alice, "_round", once)
        await told(alice, await alice.send(B, b"hello"), State.RELAYED)
    assert "failed" in caplog.text


async def test_letters_for_an_app_come_at_its_port_alone(tmp_path: Path) -> None:
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
        mail(BOB, tmp_path / "b", [where]) as bob,
    ):
        await alice.send(B, b"one", port=1)
        await alice.send(B, b"two")
        await alice.send(B, b"\x00\x00\x01three")
        last = await alice.send(B, b"four", port=1)
        async with asyncio.timeout(20):
            assert [(await bob.receive()).message for _ in range(2)] == [b"two", b"\x00\x00\x01three"]
            first = await bob.receive(1)
            assert (first.message, (await bob.receive(1)).message) == (b"one", b"four")
        await bob.read(first)
        bob.rewind(1)
        async with asyncio.timeout(20):
            assert (await bob.receive(1)).id == last


async def test_a_reader_that_waits_hears_of_what_comes_while_another_looks(tmp_path: Path) -> None:
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
        mail(BOB, tmp_path / "b", [where]) as bob,
        asyncio.timeout(20),
        asyncio.TaskGroup() as readers,
    ):
        taken = [readers.create_task(bob.receive(port)) for port in (0, 1, 2)]
        for port in (2, 1, 0):
            await alice.send(B, b"%d" % port, port=port)
        assert [(await each).message for each in taken] == [b"0", b"1", b"2"]


async def test_a_letter_with_a_known_id_is_not_sent_again(tmp_path: Path) -> None:
    async with (
        post_office(tmp_path / "m") as (_, where),
        mail(ALICE, tmp_path / "a", [where]) as alice,
        mail(BOB, tmp_path / "b", [where]) as bob,
    ):
        for _ in range(2):
            assert await alice.send(B, b"once", port=1, id=bytes(16)) == bytes(16)
        with pytest.raises(CallerError, match="is that of a letter to"):
            await alice.send(CAROL.public_key, b"other", port=1, id=bytes(16))
        await alice.send(B, b"then", port=1)
        async with asyncio.timeout(20):
            assert [(await bob.receive(1)).message for _ in range(2)] == [b"once", b"then"]
