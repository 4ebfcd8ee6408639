"""One request to one member: what becomes of it when the answer is slow, cut, too long, or not etcd's."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import Mock

import aiohttp
import pytest

from tests.support.fake_etcd import Answer, FakeMember, fault, gateway, hang, hang_up, stream
from viscript.statestore.etcd import wire as wire_module
from viscript.statestore.etcd.verdict import Verdict
from viscript.statestore.etcd.wire import Lines, MemberFault, Wire


@asynccontextmanager
async def wired(*answers: Answer) -> AsyncIterator[tuple[Wire, str]]:
    member = FakeMember(**({"x": list(answers)} if answers else {}))
    async with gateway(member) as store:
        yield store._wire, member.address


async def asked(wire: Wire, address: str, timeout: float = 30.0) -> bytes:
    return await wire.ask(address, "x", b"{}", "", timeout)


async def test_an_answer_is_given_as_it_came() -> None:
    async with wired(b"any bytes") as (wire, address):
        assert await asked(wire, address) == b"any bytes"


@pytest.mark.parametrize(
    "answer, verdict, why",
    [
        (hang_up, Verdict.UNSURE, "disconnected"),
        (stream(b"{", then=hang_up), Verdict.UNSURE, "payload"),
        ((500, b"<html>"), Verdict.UNSURE, "HTTP 500, not etcd's"),
        ((404, b"Not Found"), Verdict.ANOTHER, "HTTP 404, not etcd's"),
        ((302, b""), Verdict.UNSURE, "HTTP 302"),
        (fault("etcdserver: no leader"), Verdict.ANOTHER, "^no leader$"),
    ],
)
async def test_what_is_no_answer_is_a_fault_of_the_member(answer: Answer, verdict: Verdict, why: str) -> None:
    async with wired(answer) as (wire, address):
        with pytest.raises(MemberFault, match=why) as caught:
            await asked(wire, address)
        assert caught.value.verdict is verdict


async def test_who_does_not_answer_in_time_may_have_done_it() -> None:
    async with wired(hang) as (wire, address):
        with pytest.raises(MemberFault, match=r"no answer within 0\.1 s") as caught:
            await asked(wire, address, 0.1)
        assert caught.value.verdict is Verdict.UNSURE


async def test_who_is_not_there_was_never_asked() -> None:
    async with wired() as (wire, address):
        with pytest.raises(MemberFault, match="refused") as caught:
            await asked(wire, address)
        assert caught.value.verdict is Verdict.ANOTHER


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "REPLY_MAX", 1000)
    async with wired(b"x" * 1001) as (wire, address):
        with pytest.raises(MemberFault, match="more than 1000 bytes"):
            await asked(wire, address)


async def lines_of(wire: Wire, address: str, count: int, timeout: float = 30.0) -> list[bytes | None]:
    async with wire.lines(address, "x", b"{}", "", 30.0) as lines:
        return [await lines.next(timeout) for _ in range(count)]


async def test_lines_are_whole_however_they_come() -> None:
    async with wired(stream(b"on", b"e\ntwo\nth", b"ree\n", b"\n")) as (wire, address):
        assert await lines_of(wire, address, 4) == [b"one", b"two", b"three", b""]


async def test_a_wait_for_a_line_may_be_given_up_without_loss() -> None:
    go_on = asyncio.Event()

    async def wait(_request: object) -> object:
        await go_on.wait()
        return None

    answer = stream(b"half", then=wait)  # type: ignore[arg-type] # its answer is not looked at
    async with wired(answer) as (wire, address), wire.lines(address, "x", b"{}", "", 30.0) as lines:
        assert await lines.next(0.1) is None
        assert bytes(lines._buffer) == b"half"
        go_on.set()
        with pytest.raises(MemberFault, match="ended the watch"):
            await lines.next(30.0)


async def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "LINE_MAX", 100)
    async with wired(stream(b"x" * 101, then=hang)) as (wire, address):
        with pytest.raises(MemberFault, match="a line of more than 100 bytes"):
            await lines_of(wire, address, 1)


@pytest.mark.parametrize("answer", [hang_up, (500, b"{}"), stream(b"half", then=hang_up)])
async def test_a_stream_that_breaks_is_a_fault_of_the_member(answer: Answer) -> None:
    async with wired(answer) as (wire, address):
        with pytest.raises(MemberFault):
            await lines_of(wire, address, 1)


async def test_a_stream_that_does_not_begin_is_given_up() -> None:
    async with wired(hang) as (wire, address):
        with pytest.raises(MemberFault, match=r"no answer within 0\.1 s"):
            async with wire.lines(address, "x", b"{}", "", 0.1):
                raise AssertionError("it did not begin")


async def test_an_error_in_the_middle_of_lines_is_told() -> None:
    class Broken:
        async def readany(self) -> bytes:
            raise ConnectionResetError("reset")

    with pytest.raises(MemberFault, match="reset"):
        await Lines(Broken()).next(1.0)  # type: ignore[arg-type] # all of it that is used


def test_a_fault_of_tls_is_told_by_its_reason_not_by_a_number_of_the_system() -> None:
    alert = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    nameless = ssl.SSLError(1, "odd")
    for error, words in ((alert, "TLS: tlsv13 alert certificate required"), (nameless, "TLS: odd")):
        assert wire_module._words(aiohttp.ClientConnectorError(Mock(), error)) == words
