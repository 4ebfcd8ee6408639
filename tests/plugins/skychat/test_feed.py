"""Followers hear in order, and one that lags is cut off alone."""

import asyncio

import pytest

from plugins.skychat import feed
from plugins.skychat.feed import Crowded, Feed, Happened


def happened(number: int) -> Happened:
    return Happened("row", {"turn": number}, number)


async def test_each_follower_hears_all_in_order() -> None:
    made = Feed()
    with made.following() as one, made.following() as other:
        assert len(made) == 2
        for number in (1, 2):
            made.tell(happened(number))
        for follower in (one, other):
            assert [await follower.next(1), await follower.next(1)] == [happened(1), happened(2)]
    assert len(made) == 0


async def test_one_that_waits_is_woken_and_time_is_told_by_none() -> None:
    made = Feed()
    with made.following() as follower:
        assert await follower.next(0.001) is None
        asyncio.get_running_loop().call_soon(made.tell, happened(1))
        assert await follower.next(20) == happened(1)


async def test_who_lags_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "LAG", 1)
    made = Feed()
    with made.following() as slow:
        for number in (1, 2, 3):
            made.tell(happened(number))
        assert await slow.next(1) == happened(1)
        with pytest.raises(EOFError):
            await slow.next(1)


def test_only_so_many_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "FOLLOWERS", 1)
    made = Feed()
    with made.following(), pytest.raises(Crowded), made.following():
        pytest.fail("it was let in")
