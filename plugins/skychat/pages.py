"""A chat over HTTP: the original's `POST /message` and `GET /sse`, and what the page needs besides.

    POST /message {recipient, message}        {id, state, ...}; a recipient is a peer or a room. With an `id`
                                              of 32 digits it can be sent again: it is one text
    GET /sse                                  unnamed events {sender, message}; named: row, state, read, talks
    GET /me, /talks, /peers/PEER, /talks/TALK/texts?before=&limit=, /texts/ID/copies
    POST /talks/TALK/read {}, /rooms {name, members}, /rooms/ROOM/leave {}

A TALK is a peer or a room, as in the verbs. The `id` of an event is the turn of its text: who comes back with
`Last-Event-ID` gets what it missed.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Final

from aiohttp import web

from components.visor.kit.page import Bodies, Page, Refusal
from plugins.skychat.chat import Chat, ChatError
from plugins.skychat.feed import Crowded, Follower, Happened

BEAT_S: Final = 15.0
ASSETS: Final = {
    "/": ("index.html", "text/html"),
    "/chat.js": ("chat.js", "text/javascript"),
    "/chat.css": ("chat.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
PUBLIC: Final = frozenset(ASSETS)
_STATUS: Final = {"not-found": 404, "no-visor": 503, "full": 503, "store": 503}
_NUMBER: Final = 2**53
Answer = Callable[[web.Request], Awaitable[object]]


class Pages:
    """Adds its routes to a page."""

    def __init__(self, chat: Chat, page: Page) -> None:
        self._chat = chat
        self._bodies = Bodies()
        router = page.app.router
        for path, (file, kind) in ASSETS.items():
            router.add_get(path, _asset(file, kind))
        for path, get in (
            ("/me", self._me),
            ("/talks", self._talks),
            ("/peers/{peer}", self._peer),
            ("/talks/{talk}/texts", self._texts),
            ("/texts/{id}/copies", self._copies),
        ):
            router.add_get(path, _json(get))
        for path, post in (
            ("/message", self._message),
            ("/talks/{talk}/read", self._read),
            ("/rooms", self._room),
            ("/rooms/{room}/leave", self._leave),
        ):
            router.add_post(path, _json(post))
        router.add_get("/sse", self._sse)

    # -- what changes something

    async def _message(self, request: web.Request) -> object:
        given = await self._given(request, {"recipient": str, "message": str}, {"id": str})
        return await self._chat.say(given["recipient"], given["message"], given.get("id", ""))

    async def _read(self, request: web.Request) -> object:
        await self._given(request, {})
        return {"read": await self._chat.read(request.match_info["talk"])}

    async def _room(self, request: web.Request) -> object:
        given = await self._given(request, {"name": str, "members": list})
        if not all(isinstance(member, str) for member in given["members"]):
            raise Refusal(400, "bad-params", "members must be a list of keys or labels")
        return await self._chat.room(given["name"], given["members"])

    async def _leave(self, request: web.Request) -> object:
        await self._given(request, {})
        return await self._chat.leave(request.match_info["room"])

    async def _given(
        self, request: web.Request, keys: dict[str, type], more: dict[str, type] | None = None
    ) -> dict[str, Any]:  # Any: checked here
        """The body, with all these keys and perhaps `more`. Raises `Refusal`."""
        known = keys | (more or {})
        data = await self._bodies.json_object(request)
        unknown = sorted(data.keys() - known.keys())
        if unknown:
            listed = ", ".join(known) or "none"
            raise Refusal(400, "bad-params", f"unknown key {unknown[0]!r}; known are {listed}")
        for key, kind in known.items():
            if (key in keys or key in data) and not isinstance(data.get(key), kind):
                word = "a list" if kind is list else "text"
                raise Refusal(400, "bad-params", f"{key} must be {word}")
        return data

    # -- what is shown

    async def _me(self, _: web.Request) -> object:
        return {"key": self._chat.desk.own.hex(), "last": await self._chat.last()}

    async def _talks(self, _: web.Request) -> object:
        return await self._chat.talks()

    async def _peer(self, request: web.Request) -> object:
        return await self._chat.peer(request.match_info["peer"])

    async def _texts(self, request: web.Request) -> object:
        before, limit = _number(request, "before", 0), _number(request, "limit", 50)
        return await self._chat.history(request.match_info["talk"], before, limit)

    async def _copies(self, request: web.Request) -> object:
        return await self._chat.copies(request.match_info["id"])

    # -- what happens

    async def _sse(self, request: web.Request) -> web.StreamResponse:
        turn = _last_seen(request)
        try:
            with self._chat.desk.feed.following() as follower:
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await response.prepare(request)
                await self._tell(response, follower, turn)
        except Crowded as exc:
            raise Refusal(503, "busy", str(exc)) from exc
        return response

    async def _tell(self, response: web.StreamResponse, follower: Follower, turn: int | None) -> None:
        """Tell until the asker is gone or lags."""
        known = await self._chat.last() if turn is None else turn
        try:
            await response.write(b"retry: 1000\n\n")
            while turn is not None and (rows := await self._chat.since(known)):
                for row in rows:
                    known = row["turn"]
                    await response.write(_events(Happened("row", row, known)))
            while True:
                happened = await follower.next(BEAT_S)
                if happened is None:
                    await response.write(b": still here\n\n")
                elif not happened.turn or happened.turn > known:
                    await response.write(_events(await self._chat.named(happened)))
        except (ConnectionError, EOFError, ChatError):
            return


def _events(happened: Happened) -> bytes:
    """The events of it; JSON in one line, so that no text can be taken for more of them."""
    number = f"id: {happened.turn}\n" if happened.turn else ""
    events = f"{number}event: {happened.kind}\ndata: {json.dumps(happened.data)}\n\n"
    data = happened.data
    if happened.kind == "row" and not data["mine"] and not data["leaves"]:
        original = {"sender": f"02{data['sender']}", "message": data["text"]}
        events += f"{number}data: {json.dumps(original)}\n\n"
    return events.encode()


def _json(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(await answer(request))
        except ChatError as exc:
            raise Refusal(_STATUS.get(exc.code, 400), exc.code, str(exc)) from exc

    return handler


def _asset(file: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    text = resources.files("plugins.skychat").joinpath("assets", file).read_text("utf-8")

    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, charset="utf-8")

    return handler


def _number(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, str(usual))
    if not text.isascii() or not text.isdecimal() or not int(text[:17]) < _NUMBER or len(text) > 16:
        raise Refusal(400, "bad-params", f"{name} must be a number")
    return int(text)


def _last_seen(request: web.Request) -> int | None:
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else None
