"""Which member is asked, how often, and what the caller is told in the end."""

from __future__ import annotations

import time

import pytest

from tests.support.fake_etcd import FakeMember, fault, gateway, hang, hang_up, items
from viscript.statestore.access import Access
from viscript.statestore.api import Get, Put
from viscript.statestore.errors import Compacted, InvalidRequest, LeaseGone, Refused, StoreAway, Unclear

DONE = b'{"header":{"revision":"8"},"succeeded":true,"responses":[{"response_put":{}}]}'
READ = b'{"header":{"revision":"8"},"succeeded":true,"responses":[{"response_range":{}}]}'
WRITE = (Put("a", b""),)
ME = Access(user="me", password="right")


async def test_the_next_member_is_tried_and_remembered() -> None:
    gone, well = FakeMember(), FakeMember(range=items("a"), txn=DONE)
    async with gateway(gone, well) as store:
        assert await store.get("a") is not None
        assert (await store.txn((), WRITE)).ok
    assert len(well.asked) == 2


async def test_a_member_without_a_leader_is_left_for_another() -> None:
    lost, well = FakeMember(txn=fault("etcdserver: no leader", 14, 503)), FakeMember(txn=DONE)
    async with gateway(lost, well) as store:
        assert (await store.txn((), WRITE)).ok


@pytest.mark.parametrize("bad", [hang, hang_up, b"garbage", (500, b"<html>")])
async def test_a_read_is_repeated_elsewhere_whatever_became_of_it(bad: object) -> None:
    ill, well = FakeMember(range=bad, txn=bad), FakeMember(range=items("a"), txn=READ)  # type: ignore[arg-type] # answers
    async with gateway(ill, well) as store:
        assert await store.get("a", timeout=2.0) is not None
    async with gateway(ill, well) as store:
        assert (await store.txn((), (Get("a"),), timeout=2.0)).ok


@pytest.mark.parametrize("bad", [hang, hang_up, b"garbage", (500, b"<html>"), fault("request timed out", 14)])
async def test_a_write_that_may_have_been_done_is_not_repeated(bad: object) -> None:
    ill, well = FakeMember(txn=bad), FakeMember(txn=DONE)  # type: ignore[arg-type] # answers
    async with gateway(ill, well) as store:
        with pytest.raises(Unclear, match="it may have been done"):
            await store.txn((), WRITE, timeout=2.0)
        assert well.times("txn") == 0
        assert (await store.txn((), WRITE)).ok  # and the next goes to the one that is well


async def test_nobody_at_all_is_away_with_what_was_in_the_way_of_each() -> None:
    gone, ill = FakeMember(), FakeMember(range=(500, b""))
    async with gateway(gone, ill) as store:
        begun = time.monotonic()
        with pytest.raises(StoreAway, match="etcd is away") as caught:
            await store.get("a", timeout=1.0)
        assert 0.6 < time.monotonic() - begun < 10
    assert [told.partition(": ")[2] for told in caught.value.tried] == [
        "Connection refused",
        "HTTP 500, not etcd's",
    ]
    assert caught.value.for_s >= 0.6


async def test_a_member_that_comes_back_within_the_time_is_asked_again() -> None:
    member = FakeMember(txn=[fault("no leader"), fault("too many requests"), DONE])
    async with gateway(member) as store:
        assert (await store.txn((), WRITE)).ok
    assert member.times("txn") == 3


async def test_a_frozen_member_leaves_time_to_ask_those_again_that_had_no_leader() -> None:
    electing, frozen = FakeMember(range=[fault("no leader", 14, 503), items("a")]), FakeMember(range=hang)
    async with gateway(electing, frozen) as store:
        assert await store.get("a", timeout=2.0) is not None
    assert (electing.times("range"), frozen.times("range")) == (2, 1)


@pytest.mark.parametrize(
    "answer, error, why",
    [
        (fault("etcdserver: permission denied", 7, 403), Refused, "refuses us .*permission denied"),
        (fault("etcdserver: duplicate key given in txn request", 3, 400), InvalidRequest, "duplicate key"),
        (fault("etcdserver: requested lease not found", 5, 404), LeaseGone, "ended"),
        (fault("etcdserver: mvcc: database space exceeded", 8), StoreAway, "takes no more writes"),
        (fault("etcdserver: mvcc: required revision has been compacted", 11), Compacted, "not kept"),
    ],
)
async def test_what_no_other_member_would_say_otherwise_is_told_at_once(
    answer: tuple[int, bytes], error: type[Exception], why: str
) -> None:
    first, second = FakeMember(txn=answer), FakeMember(txn=DONE)
    async with gateway(first, second) as store:
        with pytest.raises(error, match=why):
            await store.txn((), WRITE)
    assert second.asked == []


async def test_a_token_is_got_once_and_shown() -> None:
    member = FakeMember(authenticate=b'{"token":"T1"}', txn=DONE)
    async with gateway(member, access=ME) as store:
        await store.txn((), WRITE)
        await store.txn((), WRITE)
    assert member.asked[0] == ("authenticate", {"name": "me", "password": "right"}, "")
    assert [(name, token) for name, _, token in member.asked[1:]] == [("txn", "T1"), ("txn", "T1")]


async def test_a_token_that_has_expired_is_renewed() -> None:
    member = FakeMember(
        authenticate=[b'{"token":"T1"}', b'{"token":"T2"}'],
        txn=[DONE, fault("etcdserver: invalid auth token", 16, 401), DONE],
    )
    async with gateway(member, access=ME) as store:
        await store.txn((), WRITE)
        await store.txn((), WRITE)
    assert member.asked[-1][2] == "T2"


async def test_tokens_that_are_refused_again_and_again_are_given_up() -> None:
    member = FakeMember(authenticate=b'{"token":"T"}', txn=fault("etcdserver: invalid auth token", 16, 401))
    async with gateway(member, access=ME) as store:
        with pytest.raises(Refused):
            await store.txn((), WRITE)
    assert member.times("txn") == 3


async def test_a_wrong_password_is_said_so_without_the_password() -> None:
    words = "etcdserver: authentication failed, invalid user ID or password"
    member = FakeMember(authenticate=fault(words, 3, 400), txn=DONE)
    async with gateway(member, access=ME) as store:
        with pytest.raises(Refused, match="authentication failed") as caught:
            await store.txn((), WRITE)
    assert "right" not in str(caught.value)


async def test_without_a_user_where_one_is_needed_we_are_refused() -> None:
    member = FakeMember(txn=fault("etcdserver: user name is empty", 3, 400))
    async with gateway(member) as store:
        with pytest.raises(Refused, match="user name is empty"):
            await store.txn((), WRITE)


async def test_an_engine_that_asks_for_no_user_is_used_without(caplog: pytest.LogCaptureFixture) -> None:
    member = FakeMember(authenticate=fault("etcdserver: authentication is not enabled", 9, 400), txn=DONE)
    async with gateway(member, access=ME) as store:
        await store.txn((), WRITE)
        await store.txn((), WRITE)
    assert member.times("authenticate") == 1
    assert "asks for no user" in caplog.text


@pytest.mark.parametrize("bad", [hang_up, b"garbage"])
async def test_a_write_that_was_not_sent_for_want_of_a_token_goes_to_another(bad: object) -> None:
    ill = FakeMember(authenticate=bad, txn=DONE)  # type: ignore[arg-type] # answers
    well = FakeMember(authenticate=b'{"token":"T"}', txn=DONE)
    async with gateway(ill, well, access=ME) as store:
        assert (await store.txn((), WRITE, timeout=10)).ok
    assert ill.times("txn") == 0
