"""The prompt's standing connections to the daemon: events as they happen, completions as they are typed."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

RETRY_S = 0.5
COMPLETION_S = 0.5
COMPLETION_NOW_S = 0.2
_LINE_LIMIT = 1 << 20

Told = dict[str, Any]  # Any: JSON from the daemon; the reader of each field checks it


class Events:
    """Follows the daemon's events; goes on at the same cursor after the connection was lost."""

    def __init__(self, path: str, told: Callable[[Told], None], connected: Callable[[bool], None]) -> None:
        self._path = path
        self._told = told
        self._connected = connected
        self._cursor: int | None = None

    async def follow(self) -> None:
        """Tell every event and every status until cancelled."""
        while True:
            try:
                async for line in _conversation(
                    self._path, {"v": 1, "subscribe": {"cursor": self._cursor, "far": True}}
                ):
                    self._take(line)
            except (OSError, ValueError) as exc:
                log.debug("the daemon cannot be followed: %s", exc)
            self._connected(False)
            await asyncio.sleep(RETRY_S)

    def _take(self, line: Told) -> None:
        self._connected(True)
        event = line.get("ev")
        if isinstance(event, dict) and isinstance(event.get("cursor"), int):
            self._cursor = event["cursor"] + 1
        if isinstance(line.get("gap"), int):
            self._cursor = line["gap"]
        if "k" not in line:
            self._told(line)


@dataclass(frozen=True)
class Completion:
    """One candidate: what to insert at `start`, what to show, and what to say beside it."""

    text: str
    display: str
    meta: str
    start: int


@dataclass(frozen=True)
class Completions:
    """What the daemon knows about a line that is being typed."""

    items: tuple[Completion, ...] = ()
    hint: str = ""


NOTHING = Completions()


@dataclass
class Completer:
    """Asks one question after the other on one connection; a newer one waits for the one under way."""

    path: str
    host: Callable[[], str] = str  # where commands run that name no host
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _known: tuple[str, int, Completions] | None = None

    async def ask(self, text: str, cursor: int) -> Completions:
        """What could follow; nothing when the daemon is away or slow."""
        async with self._turn:
            if self._known and self._known[:2] == (text, cursor):
                return self._known[2]
            try:
                async with asyncio.timeout(COMPLETION_S):
                    found = await self._ask(text, cursor)
            except (OSError, ValueError, TimeoutError):
                self.close()  # a late answer would be taken for the next one
                return NOTHING
            except BaseException:
                self.close()
                raise
            self._known = (text, cursor, found)
            return found

    def ask_now(self, text: str, cursor: int) -> Completions:
        """The same without the loop, for a Tab in the middle of fast typing; gives up sooner."""
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(COMPLETION_NOW_S)
                door.connect(self.path)
                door.sendall(self._question(text, cursor))
                with door.makefile("rb") as lines:
                    answers = (json.loads(line) for line in lines)
                    return next((_completions(answer) for answer in answers if "items" in answer), NOTHING)
        except (OSError, ValueError):
            return NOTHING

    def _question(self, text: str, cursor: int) -> bytes:
        return _line({"v": 1, "complete": {"text": text, "cursor": cursor, "host": self.host()}})

    def forget(self) -> None:
        """What was known of apps may have changed."""
        self._known = None

    def close(self) -> None:
        """Hang up; the next question connects again."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _ask(self, text: str, cursor: int) -> Completions:
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_unix_connection(self.path, limit=_LINE_LIMIT)
        self._writer.write(self._question(text, cursor))
        while True:
            line = await self._reader.readline()
            if not line:
                raise ConnectionResetError("the daemon hung up")
            answer = json.loads(line)
            if "items" in answer:
                return _completions(answer)


async def _conversation(path: str, first: Told) -> AsyncIterator[Told]:
    reader, writer = await asyncio.open_unix_connection(path, limit=_LINE_LIMIT)
    try:
        writer.write(_line(first))
        while line := await reader.readline():
            yield json.loads(line)
    finally:
        writer.close()


def _line(data: Told) -> bytes:
    return json.dumps(data).encode() + b"\n"


def _completions(answer: Told) -> Completions:
    items = (
        Completion(
            text=str(item.get("text", "")),
            display=str(item.get("display") or item.get("text", "")),
            meta=str(item.get("meta") or ""),
            start=int(item.get("start", 0)),
        )
        for item in answer["items"]
    )
    return Completions(tuple(items), str(answer.get("hint") or ""))
