"""Asking the forwarding of a peer: a stream, a request, its answer; tried again while that can help."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from components.visor.app import App, AppError, Misuse, Stream
from components.visor.kit.kept import KeptVisor
from components.visor.kit.lines import BadLine
from plugins.forward import request
from plugins.forward.request import Answer, Request

log = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0  # how long a program waits while the way to the peer is being made
AGAIN_S: Final = 0.3
DIAL_S: Final = 5.0  # for a dial at least; a route may have to be made
ANSWER_S: Final = 20.0  # more than a peer takes to connect


class NoWay(Exception):
    """The peer was not reached, or said no; `code` is its own, or `away`."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Caller:
    """Reaches the forwarding of any peer, at this mesh port."""

    def __init__(self, visor: KeptVisor, port: int) -> None:
        self._visor = visor
        self._port = port

    async def open(self, peer: str, asked: Request, *, patience_s: float = PATIENCE_S) -> Stream:
        """A stream whose request was granted; what comes next is data. Raises `NoWay`."""
        return (await self.ask(peer, asked, patience_s=patience_s))[0]

    async def ask(
        self, peer: str, asked: Request, *, patience_s: float = PATIENCE_S
    ) -> tuple[Stream, Answer]:
        """The same, and what the answer said. Raises `NoWay`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_s
        while True:
            try:
                app = await self._visor.app()
                return await _asked(app, peer, self._port, asked, deadline - loop.time() + DIAL_S)
            except (AppError, TimeoutError) as exc:
                if isinstance(exc, Misuse) or loop.time() + AGAIN_S >= deadline:
                    raise NoWay("away", str(exc) or "the visor is away") from exc
                log.debug("peer=%s is not reached yet: %s", peer[:8], exc)
            await asyncio.sleep(AGAIN_S)


async def _asked(app: App, peer: str, port: int, asked: Request, deadline_s: float) -> tuple[Stream, Answer]:
    """One try. Raises `NoWay` for a peer that says no, or `AppError`."""
    line = request.line(asked)
    stream = await app.dial(peer, port, first=line, deadline_s=max(deadline_s, DIAL_S))
    try:
        async with asyncio.timeout(ANSWER_S):
            answer = request.answer(await stream.readline())
    except BaseException as exc:
        stream.close()
        if isinstance(exc, (BadLine, asyncio.LimitOverrunError)):
            raise NoWay("bad-answer", "the peer hung up, or does not speak as forwarding does") from exc
        if isinstance(exc, TimeoutError) and not isinstance(exc, AppError):
            raise NoWay("no-answer", f"the peer has not answered in {ANSWER_S:g} s") from exc
        raise
    if not answer.ok:
        stream.close()
        raise NoWay(answer.code, answer.text)
    return stream, answer
