"""What the verbs ask of a chat, over the bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from components.visor.kit.page import Page
from plugins.skychat.arriving import Arriving
from plugins.skychat.chat import FOLLOW_S, Chat, ChatError
from plugins.skychat.history import Row
from signal_bus.client import RemoteError

P = ParamSpec("P")
T = TypeVar("T")


def _told(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """What goes wrong, as the caller on the bus hears it."""

    @wraps(method)
    async def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except ChatError as exc:
            raise RemoteError(exc.code, str(exc)) from exc

    return called


class Methods:
    """Those of one chat, which is there once `use` was called."""

    _chat: Chat
    _arriving: Arriving
    _folder: Path

    def __init__(self, page: Page | None) -> None:
        self._page = page

    def use(self, chat: Chat, arriving: Arriving, folder: Path) -> None:
        """The chat that is asked."""
        self._chat, self._arriving, self._folder = chat, arriving, folder

    @property
    def all(self) -> Sequence[Callable[..., object]]:
        """For the bus."""
        return (
            _told(self.say),
            _told(self.talks),
            _told(self.history),
            _told(self.unread),
            _told(self.read),
            _told(self.since),
            _told(self.room),
            _told(self.leave),
            self.page,
        )

    async def say(self, to: str, text: str) -> Row:
        """Write to a peer or a room."""
        return await self._chat.say(to, text)

    async def talks(self) -> list[Row]:
        """All talks, the newest first."""
        return await self._chat.talks()

    async def history(self, talk: str, limit: int = 50) -> list[Row]:
        """The last texts of a talk, which are read by that."""
        rows = await self._chat.history(talk, 0, limit)
        await self._chat.read(talk)
        return rows

    async def unread(self) -> list[Row]:
        """What nobody read."""
        return await self._chat.unread()

    async def read(self, talk: str) -> int:
        """All of a talk is read."""
        return await self._chat.read(talk)

    async def since(self, turn: int | None = None, wait: bool = True) -> dict[str, Any]:  # Any: plain data
        """Texts behind a turn, waited for a while; from now on without a turn."""
        if turn is None:
            return {"turn": await self._chat.last(), "rows": []}
        rows = await self._chat.since(turn, FOLLOW_S if wait else 0.0)
        return {"turn": rows[-1]["turn"] if rows else turn, "rows": rows}

    async def room(self, name: str, members: list[str]) -> Row:
        """Make a room."""
        return await self._chat.room(name, members)

    async def leave(self, room: str) -> Row:
        """Leave a room."""
        return await self._chat.leave(room)

    async def page(self) -> dict[str, str]:
        """A link that signs a browser in once, and the file for curl."""
        if self._page is None:
            raise RemoteError("no-page", "this chat has no page: it was started with -addr off")
        return {"link": self._page.link(), "address": self._page.address, "curl": str(self._folder / "curl")}

    async def figures(self) -> dict[str, Any]:  # Any: plain data of several types
        """For `status`."""
        rows = await self._chat.talks()
        return {
            "key": self._chat.desk.own.hex(),
            "page": "off" if self._page is None else self._page.address,
            "talks": len(rows),
            "unread": sum(row["unread"] for row in rows),
            "followers": len(self._chat.desk.feed),
            "refused": self._arriving.refused,
            "put_off": len(self._arriving.put_off),
        }
