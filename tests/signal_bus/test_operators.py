import asyncio
from pathlib import Path

import pytest

from signal_bus import limits, operators
from signal_bus.codec import Form, Packet, encode
from signal_bus.messages import (
    Cancel,
    Error,
    Events,
    Find,
    Found,
    Ok,
    Ping,
    Pong,
    Replay,
    VerbReply,
    VerbRequest,
)
from signal_bus.server import SignalServer
from signal_bus.testing import RawPeer, RecordingDelegate, operators_endpoint, serving, until

APPS = VerbRequest(argv=("apps",))


class SlowDelegate(RecordingDelegate):
    """Its verbs end when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def verb(self, request: VerbRequest) -> VerbReply:
        reply = await super().verb(request)
        if request.argv[0] == "raise":
            raise RuntimeError("a bug")
        if request.argv[0] == "huge":
            return VerbReply(out="x" * limits.MESSAGE_BYTES)
        if request.argv[0] == "large":
            return VerbReply(out="x" * 2 * limits.TEXT_BYTES)
        await self.go.wait()
        return reply


def code(packet: Packet) -> str:
    assert isinstance(packet.body, Error)
    assert packet.envelope.err is not None
    return packet.envelope.err.code


async def test_a_verb_is_answered(short_tmp: Path) -> None:
    async with serving(short_tmp), RawPeer(operators_endpoint(short_tmp)) as operator:
        answer = await operator.ask(VerbRequest(argv=("ping", "7")), form=Form.JSON)
        assert answer.body == VerbReply(out="ping 7")
        assert answer.form is Form.JSON


async def test_pings_and_questions_are_answered_while_a_verb_runs(short_tmp: Path) -> None:
    delegate = SlowDelegate()
    async with serving(short_tmp, delegate), RawPeer(operators_endpoint(short_tmp)) as operator:
        operator.send(encode(APPS, request="slow"))
        await delegate.told("verb")
        assert isinstance((await operator.ask(Ping(), request="p")).body, Pong)
        assert (await operator.ask(Find(), request="f")).body == Found()
        delegate.go.set()
        assert (await operator.receive()).envelope.re == "slow"


async def test_a_retry_joins_the_verb_that_runs_and_later_gets_its_answer(short_tmp: Path) -> None:
    delegate = SlowDelegate()
    endpoint = operators_endpoint(short_tmp)
    async with serving(short_tmp, delegate) as (server, _), RawPeer(endpoint) as first:
        first.send(encode(APPS, request="v", src="session-a"))
        await delegate.told("verb")
        async with RawPeer(endpoint) as again:  # the same operator after a broken connection
            again.send(encode(APPS, request="v", src="session-a"))
            await again.ask(Ping(), request="arrived")
            delegate.go.set()
            assert (await again.receive()).envelope.re == "v"
            assert (await again.ask(APPS, request="v", src="session-a")).body == VerbReply(out="apps")
        assert len(delegate.named("verb")) == 1
        assert not first.received
        assert server.counters()["replayed"] == 1


async def test_two_operators_may_use_the_same_ids(short_tmp: Path) -> None:
    endpoint = operators_endpoint(short_tmp)
    async with serving(short_tmp) as (_, told), RawPeer(endpoint) as one, RawPeer(endpoint) as two:
        await one.ask(APPS, request="1")
        await two.ask(APPS, request="1")
        assert len(told.named("verb")) == 2


async def test_a_verb_past_its_deadline_is_ended(short_tmp: Path) -> None:
    async with serving(short_tmp, SlowDelegate()), RawPeer(operators_endpoint(short_tmp)) as operator:
        operator.send(encode(APPS, request="1", dl=30))
        assert code(await operator.receive()) == "timed-out"


async def test_a_verb_is_cancelled_on_request(short_tmp: Path) -> None:
    delegate = SlowDelegate()
    async with serving(short_tmp, delegate), RawPeer(operators_endpoint(short_tmp)) as operator:
        operator.send(encode(APPS, request="long"))
        await delegate.told("verb")
        operator.send(encode(Cancel(request="long"), request="c"))
        answers = {(await operator.receive()).envelope.re: operator for _ in range(2)}
        assert set(answers) == {"long", "c"}
        assert isinstance((await operator.ask(Cancel(request="unknown"), request="d")).body, Ok)


@pytest.mark.parametrize("verb, expected", [("raise", "internal"), ("huge", "too-large")])
async def test_a_verb_that_goes_wrong_is_answered(short_tmp: Path, verb: str, expected: str) -> None:
    async with serving(short_tmp, SlowDelegate()), RawPeer(operators_endpoint(short_tmp)) as operator:
        assert code(await operator.ask(VerbRequest(argv=(verb,)))) == expected
        assert isinstance((await operator.ask(Ping(), request="2")).body, Pong)


async def test_a_large_answer_is_not_kept_and_a_retry_is_told_so(short_tmp: Path) -> None:
    async with (
        serving(short_tmp, SlowDelegate()) as (_, told),
        RawPeer(operators_endpoint(short_tmp)) as operator,
    ):
        large = VerbRequest(argv=("large",))
        assert isinstance((await operator.ask(large)).body, VerbReply)
        assert code(await operator.ask(large)) == "failed"
        assert len(told.named("verb")) == 1


async def test_verbs_under_way_are_bounded(short_tmp: Path) -> None:
    delegate = SlowDelegate()
    async with serving(short_tmp, delegate), RawPeer(operators_endpoint(short_tmp)) as operator:
        for number in range(limits.VERBS):
            operator.send(encode(APPS, request=f"v{number}"))
        await delegate.told("verb", limits.VERBS)
        assert code(await operator.ask(APPS, request="late")) == "busy"
        delegate.go.set()
        await until(lambda: len(operator.received) == limits.VERBS)
        operator.received.clear()
        assert isinstance((await operator.ask(APPS, request="late")).body, VerbReply)


async def test_a_verb_needs_an_id_and_garbage_is_answered(short_tmp: Path) -> None:
    async with serving(short_tmp), RawPeer(operators_endpoint(short_tmp)) as operator:
        assert code(await operator.ask(APPS, request="")) == "bad-message"
        operator.send(b"garbage")
        assert code(await operator.receive()) == "bad-message"


async def test_missed_events_are_read_again_from_a_cursor(short_tmp: Path) -> None:
    async with serving(short_tmp) as (server, _), RawPeer(operators_endpoint(short_tmp)) as operator:
        fill(server)
        events = (await operator.ask(Replay(cursor=12))).body
        assert isinstance(events, Events)
        assert [event.cursor for event in events.events] == [12, 13, 14]
        assert (events.oldest, events.next, events.gap) == (10, 15, False)
        gone = (await operator.ask(Replay(cursor=3), request="2")).body
        assert isinstance(gone, Events)
        assert gone.gap


def fill(server: SignalServer) -> None:
    for cursor in range(10, 15):
        server.publish({"type": "x", "cursor": cursor})


async def test_a_stopping_server_ends_its_verbs(short_tmp: Path) -> None:
    delegate = SlowDelegate()
    async with RawPeer(operators_endpoint(short_tmp)) as operator, serving(short_tmp, delegate):
        operator.send(encode(APPS, request="1"))
        await delegate.told("verb")
    assert operators._KEPT_ANSWERS * operators._KEPT_BYTES <= 16 << 20
