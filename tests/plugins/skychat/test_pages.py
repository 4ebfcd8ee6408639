"""The chat over HTTP, for programs; browsers: tests/e2e/test_chat_page.py."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from plugins.skychat import feed, pages
from tests.support.chats import Party, eventually, two
from tests.support.mesh import ALICE


async def event(stream: aiohttp.ClientResponse) -> dict[str, str]:
    """The next event, by its fields; comments are left out."""
    found: dict[str, str] = {}
    async with asyncio.timeout(20):
        while line := (await stream.content.readline()).decode():
            name, colon, value = line.rstrip("\n").partition(": ")
            if colon and name:
                found[name] = value
            elif line == "\n" and "data" in found:
                return found
    raise AssertionError("the events ended")


async def messages(stream: aiohttp.ClientResponse, count: int) -> list[dict[str, str]]:
    """What the original's page gets: the unnamed events."""
    found: list[dict[str, str]] = []
    while len(found) < count:
        came = await event(stream)
        found += [] if "event" in came else [json.loads(came["data"])]
    return found


async def post(party: Party, path: str, data: object, status: int = 200) -> Any:
    async with party.browser() as session, session.post(path, json=data) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def get(party: Party, path: str, status: int = 200) -> Any:
    async with party.browser() as session, session.get(path) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def test_hello_mike_hello_joe_as_the_original_says_it(short_tmp: Path) -> None:
    async with (
        two(short_tmp) as (mike, joe),
        mike.browser() as at_mike,
        joe.browser() as at_joe,
        at_mike.get("/sse") as mikes,
        at_joe.get("/sse") as joes,
    ):
        assert mikes.headers["Content-Type"] == "text/event-stream"
        assert "frame-ancestors 'none'" in mikes.headers["Content-Security-Policy"]
        said = (
            (joe, mike, mikes, "Hello Mike!"),
            (mike, joe, joes, "Hello Joe!"),
            (joe, mike, mikes, "System is working!"),
        )
        for sender, receiver, stream, text in said:
            made = await post(sender, "/message", {"recipient": f"02{receiver.key}", "message": text})
            assert made["state"] == "queued"
            assert await messages(stream, 1) == [{"sender": f"02{sender.key}", "message": text}]


async def test_who_comes_back_gets_what_it_missed_and_nothing_twice(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "BEAT_S", 0.05)
    async with two(short_tmp) as (mike, joe):
        for number in range(3):
            await mike.chat.say(joe.key, f"{number}")
        await eventually(lambda: _count(joe, 3))
        async with (
            joe.browser() as session,
            session.get("/sse", headers={"Last-Event-ID": "1"}) as stream,
        ):
            assert [each["message"] for each in await messages(stream, 2)] == ["1", "2"]
            await mike.chat.say(joe.key, "3")
            assert [each["message"] for each in await messages(stream, 1)] == ["3"]


async def _count(party: Party, count: int) -> bool:
    return await party.chat.last() >= count


async def test_all_that_the_page_needs_is_answered(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, joe):
        assert (await get(mike, "/me"))["key"] == mike.key
        made = await post(mike, "/message", {"recipient": joe.key, "message": "Hello"})
        await eventually(lambda: _count(joe, 1))
        ((talk),) = await get(joe, "/talks")
        assert (talk["talk"], talk["unread"]) == (mike.key, 1)
        assert [row["text"] for row in await get(joe, f"/talks/{mike.key}/texts?limit=5")] == ["Hello"]
        assert await get(joe, f"/talks/{mike.key}/texts?before=1") == []
        assert await post(joe, f"/talks/{mike.key}/read", {}) == {"read": 1}
        assert list(await get(mike, f"/texts/{made['id']}/copies")) == [joe.key]
        room = await post(mike, "/rooms", {"name": "tea", "members": [joe.key]})
        assert await get(mike, f"/peers/{joe.key}") == {"talk": joe.key, "name": ""}
        assert (await post(mike, f"/rooms/{room['talk']}/leave", {}))["leaves"] is True
        async with mike.browser() as session:
            for path, kind in (
                ("/", "text/html"),
                ("/chat.js", "text/javascript"),
                ("/icon.svg", "image/svg+xml"),
            ):
                async with session.get(path) as answer:
                    assert (answer.status, answer.content_type) == (200, kind)


@pytest.mark.parametrize(
    "path, data, status, code",
    [
        ("/message", {"recipient": "nobody", "message": "x"}, 404, "not-found"),
        ("/message", {"recipient": "x"}, 400, "bad-params"),
        ("/message", {"recipient": "x", "message": 7}, 400, "bad-params"),
        ("/message", {"recipient": "x", "message": "x", "more": 1}, 400, "bad-params"),
        ("/message", {"recipient": "x", "message": "x", "id": 7}, 400, "bad-params"),
        ("/message", {"recipient": ALICE.public_key.hex(), "message": "x", "id": "7"}, 400, "bad-params"),
        ("/rooms", {"name": "x", "members": "y"}, 400, "bad-params"),
        ("/rooms", {"name": "x", "members": [7]}, 400, "bad-params"),
        ("/talks/x/read", {"more": 1}, 400, "bad-params"),
    ],
)
async def test_what_is_wrong_is_refused_in_words(
    short_tmp: Path, path: str, data: object, status: int, code: str
) -> None:
    async with two(short_tmp) as (mike, _):
        answer = await post(mike, path, data, status)
        assert answer["error"]["code"] == code


async def test_numbers_that_are_none_and_too_many_followers_are_refused(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FOLLOWERS", 0)
    async with two(short_tmp) as (mike, joe):
        for query in ("before=x", "limit=99999999999999999999", "limit=²"):
            await get(mike, f"/talks/{joe.key}/texts?{query}", 400)
        assert (await get(mike, "/sse", 503))["error"]["code"] == "busy"


FOREIGN: list[tuple[dict[str, str], int]] = [
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Host": "evil.example"}, 421),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Authorization": "Bearer wrong"}, 401),
    ({"Authorization": "Bearer \u00fc"}, 401),
    ({"Authorization": ""}, 401),
    ({"Authorization": "", "Cookie": "skychat-1=x; skychat-0=y"}, 401),
]


@pytest.mark.parametrize("headers, status", FOREIGN)
async def test_what_a_foreign_page_or_another_user_could_send_is_refused(
    short_tmp: Path, headers: dict[str, str], status: int
) -> None:
    async with two(short_tmp) as (mike, joe):
        body = json.dumps({"recipient": joe.key, "message": "x"}).encode()
        usual = {"Content-Type": "application/json"}
        async with (
            mike.browser() as session,
            session.post("/message", data=body, headers=usual | headers) as answer,
        ):
            assert answer.status == status
        assert await mike.chat.talks() == []


async def test_no_get_changes_anything(short_tmp: Path) -> None:
    async with two(short_tmp) as (mike, _):
        for path in ("/message", "/rooms", "/talks/x/read", "/rooms/x/leave"):
            async with mike.browser() as session, session.get(path) as answer:
                assert answer.status in (404, 405)
