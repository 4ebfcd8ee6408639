import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import channel, payloads
from components.mesh.aead import TAG_BYTES
from components.mesh.channel import ControlChannel, Fault, Message, Method, Nothing
from components.mesh.errors import (
    Busy,
    CallerError,
    Gone,
    PeerError,
    Refused,
    RemoteError,
    TimedOut,
    WireError,
)
from components.mesh.record import HEADER_BYTES, plain_size
from components.mesh.session import Session
from tests.support.mesh import ALICE, BOB, sessions


class Text(msgspec.Struct, frozen=True):
    text: str


async def echo(body: Text) -> Text:
    return body


async def forever(_: Nothing) -> None:
    await asyncio.Event().wait()


ECHO = {"echo": Method(Text, echo)}


@asynccontextmanager
async def channels(
    methods: Mapping[str, Method] = ECHO,
    back: Mapping[str, Method] = ECHO,
    largest: int = channel.MAX_MESSAGE,
) -> AsyncIterator[tuple[ControlChannel, ControlChannel]]:
    """Alice's end and Bob's, who answers `methods`."""
    with sessions() as (ours, theirs):
        async with (
            ControlChannel(theirs, methods, largest=largest) as bob,
            ControlChannel(ours, back, largest=largest) as alice,
        ):
            yield alice, bob


@asynccontextmanager
async def bare(methods: Mapping[str, Method] = ECHO) -> AsyncIterator[tuple[Session, ControlChannel]]:
    """Alice by hand, and Bob's end."""
    with sessions() as (ours, theirs):
        async with ControlChannel(theirs, methods) as bob:
            yield ours, bob


def say(session: Session, message: Message) -> None:
    session.socket.sendall(session.sealer.record(payloads.encode(message)))


async def heard(session: Session) -> Message:
    loop = asyncio.get_running_loop()
    record = await loop.sock_recv(session.socket, HEADER_BYTES)
    record += await loop.sock_recv(session.socket, plain_size(record) + TAG_BYTES)
    out = bytearray(plain_size(record))
    session.opener.open(memoryview(record), memoryview(out))
    return payloads.decode(out, Message)


async def test_either_side_may_ask() -> None:
    async with channels() as (alice, bob):
        assert (alice.peer, bob.peer) == (BOB.public_key, ALICE.public_key)
        assert await alice.call("echo", Text("a"), Text) == Text("a")
        assert await bob.call("echo", Text("b"), Text) == Text("b")


async def test_many_questions_at_once_each_get_their_own_answer() -> None:
    async with channels() as (alice, _), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(alice.call("echo", Text(str(n)), Text)) for n in range(channel.MAX_CALLS)]
    assert [task.result().text for task in asked] == [str(n) for n in range(channel.MAX_CALLS)]


async def test_a_slow_answer_holds_up_no_other() -> None:
    methods = {**ECHO, "slow": Method(Nothing, forever)}
    async with channels(methods) as (alice, _), asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(alice.call("slow", None, Nothing))
        await asyncio.sleep(0)
        assert await alice.call("echo", Text("x"), Text) == Text("x")
        slow.cancel()


async def test_what_needs_no_answer_gets_none() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def hear(body: Text) -> None:
        told.put_nowait(body.text)

    async with channels({"note": Method(Text, hear)}) as (alice, _):
        await alice.tell("note", Text("x"))
        assert await told.get() == "x"


def fails_by(exc: Exception) -> Method:
    async def fail(_: Nothing) -> None:
        raise exc

    return Method(Nothing, fail)


@pytest.mark.parametrize(
    "exc, code, text",
    [
        (Refused("not-allowed", "by nobody"), "not-allowed", "by nobody"),
        (RemoteError("c" * 99, "t" * 999), "c" * 64, "t" * 512),
        (Busy("routes", 3), "busy", "routes: 3 are under way already"),
        (TimedOut("hop", 1.0), "timeout", ""),
        (Gone("the hop left"), "failed", "the hop left"),
        (ZeroDivisionError(), "internal", ""),
    ],
)
async def test_a_fault_reaches_the_asker_with_its_code(exc: Exception, code: str, text: str) -> None:
    async with channels({"fail": fails_by(exc)}) as (alice, _):
        with pytest.raises(RemoteError) as caught:
            await alice.call("fail", None, Nothing)
        assert (caught.value.code, caught.value.text) == (code, text)


async def test_an_unknown_method_or_body_is_answered_and_the_channel_lives() -> None:
    async with channels() as (alice, _):
        with pytest.raises(RemoteError, match="no-such-method: nothing"):
            await alice.call("nothing", None, Nothing)
        with pytest.raises(RemoteError, match="bad-request: Text"):
            await alice.call("echo", None, Text)
        assert await alice.call("echo", Text("x"), Text) == Text("x")


async def test_an_answer_that_takes_too_long_here_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "ANSWER_S", 0.01)
    async with channels({"slow": Method(Nothing, forever)}) as (alice, _):
        with pytest.raises(RemoteError, match="timeout"):
            await alice.call("slow", None, Nothing)


async def test_an_answer_of_another_form_is_the_peers_fault() -> None:
    async with channels() as (alice, _):
        with pytest.raises(WireError, match="Fault"):
            await alice.call("echo", Text("x"), Fault)
        assert not alice.ended.is_set()


async def test_no_answer_within_the_deadline_is_nobodys_fault_and_a_late_one_is_dropped() -> None:
    async with bare() as (alice, bob):
        with pytest.raises(TimedOut, match="no answer to where"):
            await bob.call("where", None, Nothing, deadline_s=0.01)
        asked = await heard(alice)
        say(alice, Message(re=asked.id))
        say(alice, Message(re=asked.id + 7))
        say(alice, Message(id=1, method="echo", body=payloads.raw(Text("still there"))))
        assert payloads.decode((await heard(alice)).body, Text) == Text("still there")


async def test_a_second_answer_to_the_same_question_changes_nothing() -> None:
    async with bare() as (alice, bob), asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(bob.call("where", None, Text))
        number = (await heard(alice)).id
        both = [payloads.encode(Message(re=number, body=payloads.raw(Text(text)))) for text in "ab"]
        alice.socket.sendall(b"".join(alice.sealer.record(plain) for plain in both))
        assert await asking == Text("a")


async def test_when_the_peer_leaves_all_calls_are_gone() -> None:
    async with bare() as (alice, bob):
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(outcome(bob)) for _ in range(3)]
            for _ in range(3):
                await heard(alice)
            alice.close()
        assert [task.result() for task in asking] == ["the peer closed the connection"] * 3
        assert bob.ended.is_set()
        for late in (bob.call("where", None, Nothing), bob.tell("where")):
            with pytest.raises(Gone, match="closed the connection"):
                await late


async def outcome(end: ControlChannel) -> str:
    with pytest.raises(Gone) as caught:
        await end.call("where", None, Nothing)
    return str(caught.value)


async def test_leaving_ends_the_other_side_too() -> None:
    with sessions() as (ours, theirs):
        async with ControlChannel(theirs) as bob:
            async with ControlChannel(ours):
                pass
            assert ours.socket.fileno() == -1
            async with asyncio.timeout(5):
                await bob.ended.wait()


async def test_an_end_from_within_wakes_its_owner() -> None:
    async with channels() as (alice, bob):
        bob.end("enough")
        bob.end("twice")
        assert bob.why == "enough"
        await alice.ended.wait()


async def test_what_the_body_raises_goes_on_as_it_is() -> None:
    async def fail() -> None:
        async with channels({"slow": Method(Nothing, forever)}) as (alice, _):
            await alice.tell("slow")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_a_cancelled_owner_ends_its_channel() -> None:
    with sessions() as (ours, theirs):

        async def own() -> None:
            async with ControlChannel(theirs) as bob:
                await bob.ended.wait()

        async with asyncio.TaskGroup() as tasks:
            owner = tasks.create_task(own())
            await asyncio.sleep(0)
            owner.cancel()
        assert await asyncio.get_running_loop().sock_recv(ours.socket, 1) == b""


@pytest.mark.parametrize(
    "plain",
    [b"\x80", b"\x90", b"text", payloads.encode({"id": 1}), payloads.encode({"id": -1, "method": "x"})],
)
async def test_a_message_of_another_form_ends_the_channel(
    plain: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with bare() as (alice, bob):
        alice.socket.sendall(alice.sealer.record(plain))
        await bob.ended.wait()
        assert "broke the rules" in bob.why
    assert "ended a channel" in caplog.text


@given(st.binary(min_size=1, max_size=60))
def test_random_messages_are_messages_or_refused(plain: bytes) -> None:
    try:
        assert isinstance(payloads.decode(plain, Message), Message)
    except PeerError:
        return


async def test_a_forged_record_ends_the_channel() -> None:
    async with bare() as (alice, bob):
        record = bytearray(alice.sealer.record(b"\x80"))
        record[-1] ^= 1
        alice.socket.sendall(record)
        await bob.ended.wait()
        assert "tag" in bob.why


async def test_a_record_larger_than_a_message_ends_the_channel() -> None:
    async with bare() as (alice, bob):
        alice.socket.sendall((channel.MAX_MESSAGE + 1).to_bytes(4, "big"))
        await bob.ended.wait()
        assert "65536 are allowed" in bob.why


async def test_messages_have_a_bound_on_both_sides() -> None:
    async def huge(_: Nothing) -> Text:
        return Text("x" * 300)

    async with channels({"huge": Method(Nothing, huge)}, largest=200) as (alice, _):
        for late in (alice.call("huge", Text("x" * 300), Text), alice.tell("huge", Text("x" * 300))):
            with pytest.raises(CallerError, match="at most 200"):
                await late
        with pytest.raises(RemoteError, match="internal"):
            await alice.call("huge", None, Text)


async def test_more_calls_than_the_bound_are_refused_here() -> None:
    async with bare() as (_, alice), asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(alice.call("x", None, Nothing)) for _ in range(channel.MAX_CALLS)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="calls: 64"):
            await alice.call("x", None, Nothing)
        for task in asking:
            task.cancel()


async def test_more_questions_than_the_bound_are_answered_busy() -> None:
    async with bare({"slow": Method(Nothing, forever)}) as (alice, bob):
        for number in range(1, channel.MAX_ANSWERING + 1):
            say(alice, Message(id=number, method="slow"))
        say(alice, Message(method="slow"))
        say(alice, Message(id=99, method="slow"))
        assert await heard(alice) == Message(re=99, err=Fault("busy"))
        assert not bob.ended.is_set()


def narrow(session: Session) -> None:
    """Let little wait in the socket of a peer that does not read."""
    session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


async def test_a_peer_that_asks_and_never_reads_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_ANSWERING", 0)
    with sessions() as (alice, theirs):
        narrow(theirs)
        async with ControlChannel(theirs, ECHO) as bob:
            loop = asyncio.get_running_loop()
            number = 0
            while not bob.ended.is_set():
                number += 1
                plain = payloads.encode(Message(id=number, method="echo"))
                try:
                    await loop.sock_sendall(alice.socket, alice.sealer.record(plain))
                except OSError:
                    await bob.ended.wait()
            assert "reads no answer" in bob.why


async def babble(end: ControlChannel, deadline_s: float = 10.0) -> None:
    while True:
        await end.tell("note", Text("x" * 60_000), deadline_s=deadline_s)


async def test_a_peer_that_reads_nothing_for_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "SEND_S", 0.05)
    with sessions() as (_, theirs):
        narrow(theirs)
        async with ControlChannel(theirs) as bob:
            with pytest.raises((Gone, TimedOut)):
                await babble(bob)
            assert "read nothing for 0.05 s" in bob.why


async def test_a_full_queue_costs_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_QUEUED", 1)
    with sessions() as (_, theirs):
        narrow(theirs)
        async with ControlChannel(theirs) as bob:
            with pytest.raises(TimedOut, match="note"):
                await babble(bob, deadline_s=0.02)
            with pytest.raises(TimedOut, match="where"):
                await bob.call("where", Text("x" * 60_000), Nothing, deadline_s=0.02)


async def test_a_broken_socket_ends_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> int:
        raise ConnectionResetError(104, "Connection reset by peer")

    for call in ("sock_recv_into", "sock_sendall"):
        with monkeypatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), call, broken)
            async with bare() as (_, bob):
                if call == "sock_sendall":
                    await bob.tell("x")
                await bob.ended.wait()
                assert bob.why == "the connection broke: Connection reset by peer"


async def test_what_came_behind_the_handshake_is_heard_first() -> None:
    with sessions() as (ours, theirs):
        plain = payloads.encode(Message(id=1, method="echo", body=payloads.raw(Text("early"))))
        secured = replace(theirs.secured, leftover=ours.sealer.record(plain))
        async with ControlChannel(Session(secured, theirs.socket), ECHO):
            assert payloads.decode((await heard(ours)).body, Text) == Text("early")


async def test_an_old_key_is_changed_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with sessions() as (ours, theirs):
        ours.sealer.tick(-1000.0)
        async with ControlChannel(theirs, ECHO), ControlChannel(ours) as alice:
            for _ in range(2):
                assert await alice.call("echo", Text("x"), Text) == Text("x")
    assert not caplog.text
