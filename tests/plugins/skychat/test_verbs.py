"""`chat` and what begins with it, over a daemon that is not there."""

from collections.abc import Awaitable
from typing import Any

import pytest

from plugins.skychat import verbs
from viscript.plugin import Answer, ExitCode, VerbCall, VerbError
from viscript.pluginhost.wire import CallData

ROW = {
    "turn": 7, "time": "2026-09-21T12:00:00+00:00", "mine": False, "name": "mike", "sender": 32 * "0a",
    "talk": 32 * "0a", "leaves": False, "text": "Hello Joe!", "state": "unread", "id": "00",
}  # fmt: skip
TALK = {"talk": 32 * "0a", "name": "mike", "kind": "peer", "unread": 1, "last": "Hello Joe!"}
PAGE = {"link": "http://h/login?code=c", "address": "http://h", "curl": "/state/curl"}


class Ended(Exception):
    """The caller went."""


class Daemon:
    """A chat that answers these, and what was asked and written."""

    def __init__(self, *, running: bool = True, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []
        self.written: list[Any] = []
        self.called = ""
        self.rows = [{"id": 4, "app": "meshnet-skychat" if running else "visor", "state": "ready"}]

    async def ask(self, what: str, value: Any) -> Any:
        if what == "run":
            return self.rows
        if what in ("out", "row"):
            self.written.append(value)
            return None
        self.called, method, params, _ = value
        self.asked.append((method, params))
        answer = self.answers[method]
        if (
            isinstance(answer, list)
            and answer
            and isinstance(answer[0], Exception | dict)
            and method == "since"
        ):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def call(daemon: Daemon, *, format: str = "table", **args: Any) -> VerbCall:
    given = {"peer": None, "text": None, "limit": 50, **args}
    return VerbCall(CallData(args=given, format=format), daemon)


async def text(asked: Awaitable[Answer]) -> str:
    """What people see."""
    return (await asked).text or ""


async def test_words_are_said() -> None:
    daemon = Daemon(say={"state": "queued"})
    answer = await verbs.chat(call(daemon, peer="mike", text=["Hello", "Mike!"]))
    assert daemon.asked == [("say", {"to": "mike", "text": "Hello Mike!"})]
    assert answer.text == "queued\n"


@pytest.mark.parametrize("states, called", [(("backoff", "ready"), "5"), (("fatal", "backoff"), "4")])
async def test_of_several_chats_the_first_that_runs_is_asked(states: tuple[str, ...], called: str) -> None:
    daemon = Daemon(say={"state": "queued"})
    daemon.rows = [{"id": 4 + place, "app": "skychat", "state": state} for place, state in enumerate(states)]
    await verbs.chat(call(daemon, peer="mike", text=["Hello"]))
    assert daemon.called == called


async def test_a_peer_alone_shows_its_texts_and_nothing_shows_all_talks() -> None:
    daemon = Daemon(talks=[TALK], history=[ROW])
    assert (await text(verbs.chat(call(daemon, peer="mike")))).endswith("mike: Hello Joe!\n")
    assert (await text(verbs.chat(call(daemon)))).startswith("mike (0a0a0a0a0a0a)  1 unread    Hello Joe!")
    empty = Daemon(talks=[], history=[], status={"key": "0a0b"})
    assert "chat PEER TEXT; your key is 0a0b" in await text(verbs.chat(call(empty)))
    assert await text(verbs.chat(call(empty, peer="mike"))) == "no text yet\n"


async def test_unread_texts_are_shown_or_that_there_are_none() -> None:
    daemon = Daemon(unread=[ROW], talks=[TALK, {**TALK, "kind": "room", "name": "tea"}])
    assert "mike in tea: Hello Joe!" in await text(verbs.unread(call(daemon)))
    assert await text(verbs.unread(call(Daemon(unread=[], talks=[])))) == "nothing unread\n"


@pytest.mark.parametrize("format", ["table", "json"])
async def test_following_shows_each_text_as_it_comes(format: str) -> None:
    answers = [{"turn": 6, "rows": []}, {"turn": 6, "rows": []}, {"turn": 7, "rows": [ROW]}, Ended()]
    daemon = Daemon(since=answers, talks=[TALK])
    with pytest.raises(Ended):
        await verbs.follow(call(daemon, format=format))
    assert [params for method, params in daemon.asked if method == "since"] == [
        {}, {"turn": 6}, {"turn": 6}, {"turn": 7},
    ]  # fmt: skip
    (written,) = daemon.written
    assert written == ROW if format == "json" else written.endswith("mike: Hello Joe!\n")


async def test_the_page_a_room_and_leaving_it() -> None:
    made = {"talk": 16 * "0b", "members": ["a", "b"]}
    daemon = Daemon(page=PAGE, room=made, leave=ROW)
    shown = await text(verbs.page(call(daemon)))
    assert shown.startswith(PAGE["link"])
    assert "curl -K /state/curl --data" in shown
    assert (
        await verbs.room(call(daemon, name="tea", peers=["mike"]))
    ).text == "room:0b0b0b0b0b0b with 2 members\n"
    assert await text(verbs.leave(call(daemon, room="tea"))) == "left\n"
    assert daemon.asked[1:] == [("room", {"name": "tea", "members": ["mike"]}), ("leave", {"room": "tea"})]


async def test_without_a_chat_the_way_to_one_is_told() -> None:
    with pytest.raises(VerbError, match="no chat runs") as caught:
        await verbs.chat(call(Daemon(running=False)))
    assert caught.value.code is ExitCode.NOT_HEALTHY
    assert caught.value.suggestions == ("start skychat",)


async def test_what_the_chat_refuses_is_told_in_its_words() -> None:
    refused = VerbError(
        ExitCode.FAILED, "rpc failed", data={"code": "not-found", "text": "nobody is called so"}
    )
    with pytest.raises(VerbError, match=r"^nobody is called so$"):
        await verbs.chat(call(Daemon(talks=refused)))
    with pytest.raises(VerbError, match="no answer"):
        await verbs.chat(call(Daemon(talks=VerbError(ExitCode.FAILED, "no answer"))))
