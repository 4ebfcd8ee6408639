"""An app's control connection: questions with deadlines, and what the visor tells unasked.

There is no task: the loop calls back, and who waits, waits on a future.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final, NamedTuple, TypeVar

from components.visor.apps import codec
from components.visor.apps.channel import Channel
from components.visor.apps.messages import (
    Answer,
    Datagram,
    Done,
    Ended,
    Failed,
    Fate,
    FromApp,
    FromVisor,
    Incoming,
    Letter,
    Reset,
)
from components.visor.sdk.errors import NoAnswer, VisorGone, error_of

ASK_S: Final = 10.0

A = TypeVar("A", bound=Answer)
Opened = Callable[[Done, socket.socket | None], None]


class Asked(NamedTuple):
    """A question under way."""

    reply: asyncio.Future[Answer]
    opened: Opened | None


@dataclass(frozen=True)
class Told:
    """Who hears what the visor tells unasked."""

    incoming: Callable[[Incoming, socket.socket], None]
    message: Callable[[Datagram], None]
    ended: Callable[[Ended], None]
    gone: Callable[[str], None]
    post: Callable[[Letter | Fate], None] = lambda note: None


class Connection:
    """Owns the socket. `why` tells why it ended, once it did."""

    def __init__(self, sock: socket.socket, told: Told) -> None:
        self.why = ""
        self._told = told
        self._ids = count(1)
        self._asked: dict[int, Asked] = {}
        self._loop = asyncio.get_running_loop()
        self._channel: Channel[FromVisor] = Channel(self._loop, sock, codec.of_visor, self._take, self._end)

    def next_id(self) -> int:
        """For a question."""
        return next(self._ids)

    async def ask(
        self,
        question: FromApp,
        answer: type[A],
        *,
        handing: socket.socket | None = None,
        opened: Opened | None = None,
        deadline_s: float = ASK_S,
    ) -> A:
        """The answer. `handing` is closed here, whatever happens.

        `opened` gets a `done` and the socket with it, before anything else that came is looked at.
        Raises `Refused` of the right kind, `NoAnswer` or `VisorGone`.
        """
        reply: asyncio.Future[Answer] = self._loop.create_future()
        self._asked[question.id] = Asked(reply, opened)
        try:
            if not self._channel.send(question, handing):
                raise VisorGone(self.why or "the visor does not read what it is asked")
            async with asyncio.timeout(deadline_s):
                message = await reply
        except TimeoutError as exc:
            raise NoAnswer(f"the visor did not answer within {deadline_s:g} s") from exc
        finally:
            self._asked.pop(question.id, None)
            reply.cancel()
        return _expected(message, answer)

    def give_up(self, stream: int) -> None:
        """Break a stream off without waiting for the answer."""
        self._channel.send(Reset(self.next_id(), stream))

    def drain(self) -> bool:
        """Take all that has come by now; whether anything had."""
        came = False
        while self._channel.receive():
            came = True
        return came

    def close(self, why: str = "it was closed here") -> None:
        """Hang up."""
        self._channel.end(why)

    def _take(self, message: FromVisor, descriptor: int | None) -> None:
        sock = None if descriptor is None else socket.socket(fileno=descriptor)
        match message:
            case Incoming():
                assert sock is not None  # `fd` stands by default, and the channel sees to it
                self._told.incoming(message, sock)
            case Datagram():
                self._told.message(message)
            case Ended():
                self._told.ended(message)
            case Letter() | Fate():
                self._told.post(message)
            case _:
                self._answered(message, sock)

    def _answered(self, message: Answer, sock: socket.socket | None) -> None:
        asked = self._asked.pop(message.re, None)
        if asked is not None and asked.opened is not None and isinstance(message, Done):
            asked.opened(message, sock)
        else:
            if sock is not None:
                sock.close()
            if isinstance(message, Done) and message.stream:  # a dial that was given up
                self.give_up(message.stream)
        if asked is not None and not asked.reply.done():
            asked.reply.set_result(message)

    def _end(self, why: str) -> None:
        self.why = why
        for asked in self._asked.values():
            if not asked.reply.done():
                asked.reply.set_exception(VisorGone(f"the visor is gone: {why}"))
        self._told.gone(why)


def _expected(message: Answer, answer: type[A]) -> A:
    if isinstance(message, Failed):
        raise error_of(message)
    if not isinstance(message, answer):
        raise VisorGone(f"the visor answered with {type(message).__name__.lower()}: not one of this version")
    return message
