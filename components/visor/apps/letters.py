"""The letters of one app: those it posts, and those it collects at its ports.

What waits at a port is given in its turn, WINDOW letters ahead of what the app has taken or put off. What it
did not take is given to the next one that collects there, be it the same app.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from components.mesh import keys
from components.mesh.errors import MeshError
from components.mesh.inbox import Message
from components.visor.apps.dials import failed
from components.visor.apps.errors import Refusal
from components.visor.apps.messages import (
    Collect,
    Done,
    Failed,
    Fate,
    Fault,
    ForLetters,
    Later,
    Letter,
    Post,
    Posted,
    Took,
)
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

WINDOW: Final = 32
MOST: Final = 64  # requests of one app under way
Heard = Callable[[bytes, str], None]
Say = Callable[[Done | Failed | Posted | Letter | Fate], None]


class Mail(Protocol):
    """The node's letters."""

    async def post(self, receiver: PublicKey, port: int, id: bytes, data: bytes, heard: Heard) -> str:
        """Keep a letter until it is signed for; how far it came. `heard` is told more. Raises `MeshError`."""

    async def next(self, port: int) -> Message:
        """The next letter for a port."""

    def rewind(self, port: int) -> None:
        """Begin with the first that was not taken."""

    async def took(self, message: Message) -> None:
        """It is not given again. Raises `MeshError`."""

    def forget(self, heard: Heard) -> None:
        """Nobody listens there any more."""


@dataclass
class _Hole:
    """A port's letters that were given, and neither taken nor put off."""

    given: deque[Message] = field(default_factory=deque)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)  # a letter is taken once


class AppLetters:
    """`say` gets answers, letters and fates."""

    def __init__(self, mail: Mail | None, tasks: asyncio.TaskGroup, say: Say) -> None:
        self._mail = mail
        self._group = tasks
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()
        self._holes: dict[int, _Hole] = {}

    def begin(self, message: ForLetters) -> None:
        """Start what it asks for. Raises `MeshError`."""
        if self._mail is None:
            raise Refusal(Fault.REFUSED, "this visor keeps no letters")
        if len(self._tasks) >= MOST:
            raise Refusal(Fault.TOO_MANY, f"{MOST} requests for letters are under way; wait for some to end")
        match message:
            case Post():
                self._spawn(message.id, partial(self._post, self._mail, message, keys.check(message.pk)))
            case Collect():
                self._collect(self._mail, message)
            case Took():
                self._spawn(message.id, partial(self._took, self._mail, message))
            case Later():
                self._spawn(message.id, partial(self._later, message))

    def leave(self, port: int) -> None:
        """The app listens there no more."""
        hole = self._holes.pop(port, None)
        if hole is not None and hole.task is not None:
            hole.task.cancel()

    def close(self) -> None:
        """The app is gone."""
        for task in tuple(self._tasks):
            task.cancel()
        for port in tuple(self._holes):
            self.leave(port)
        if self._mail is not None:
            self._mail.forget(self._heard)

    # -- what it asks

    async def _post(self, mail: Mail, post: Post, receiver: PublicKey) -> None:
        state = await mail.post(receiver, post.port, post.letter, post.data, self._heard)
        self._say(Posted(post.id, state))

    def _collect(self, mail: Mail, message: Collect) -> None:
        self.leave(message.port)
        hole = self._holes[message.port] = _Hole()
        mail.rewind(message.port)
        self._say(Done(message.id, port=message.port))
        hole.task = self._group.create_task(self._guarded(0, partial(self._give, mail, message.port, hole)))

    async def _took(self, mail: Mail, took: Took) -> None:
        hole = self._holes.get(took.port)
        if hole is not None:
            async with hole.taking:
                while hole.given and hole.given[0].turn <= took.turn:
                    await mail.took(hole.given[0])
                    hole.given.popleft()
                    hole.room.set()
        self._say(Done(took.id))

    async def _later(self, later: Later) -> None:
        hole = self._holes.get(later.port)
        if hole is not None:
            async with hole.taking:
                hole.given = deque(given for given in hole.given if given.turn != later.turn)
                hole.room.set()
        self._say(Done(later.id))

    # -- what it is told

    async def _give(self, mail: Mail, port: int, hole: _Hole) -> None:
        while True:
            hole.room.clear()
            if len(hole.given) >= WINDOW:
                await hole.room.wait()
                continue
            message = await mail.next(port)
            hole.given.append(message)
            self._say(
                Letter(port, message.sender, message.id, message.time_ms, message.turn, message.message)
            )

    def _heard(self, letter: bytes, state: str) -> None:
        self._say(Fate(letter, state))

    def _spawn(self, id: int, work: Callable[[], Awaitable[None]]) -> None:
        task = self._group.create_task(self._guarded(id, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, id: int, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except MeshError as exc:
            log.warning("letters of an app: %s", exc)
            self._fail(id, exc)
        except Exception:  # a bug here must not end the other apps
            log.exception("letters of an app failed")
            self._fail(id, Refusal(Fault.INTERNAL, "the visor failed; its log says more"))

    def _fail(self, id: int, exc: MeshError) -> None:
        if id:
            self._say(failed(id, exc))
