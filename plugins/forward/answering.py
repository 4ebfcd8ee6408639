"""Streams that peers open: who comes is judged by key first, then the request is, then it is done."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from components.visor.app import AppError, Stream
from components.visor.kit.exchange import carry
from components.visor.kit.ledger import Entry, Ledger
from components.visor.kit.lines import BadLine
from plugins.forward import request
from plugins.forward.association import Association
from plugins.forward.lending import Lending
from plugins.forward.request import Answer, Back, Lend, Open, Request
from plugins.forward.reverse import Reverse
from plugins.forward.rules import Rule, Rules
from plugins.forward.targets import Datagrams, NoTarget, connect

log = logging.getLogger(__name__)

REQUEST_S: Final = 10.0
MOST: Final = 1024  # streams at a time
MOST_OF_ONE: Final = 512  # of one peer, so that there is room for others
NOT_WELCOME: Final = 257  # what a stream ends with when no rule is about its peer
_NO_REQUEST: Final = 258


class Denied(Exception):
    """The peer gets this answer."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Answering:
    """Serves the streams of one app. `reverses` are by their tokens."""

    def __init__(
        self,
        rules: Rules,
        lending: Lending,
        reverses: Mapping[str, Reverse],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledgers: defaultdict[Rule, Ledger] = defaultdict(Ledger)
        self.refused = 0
        self._rules = rules
        self._lending = lending
        self._reverses = reverses
        self._clock = clock
        self._busy: Counter[str] = Counter()
        self._led: dict[asyncio.Task[Any], Callable[[], object]] = {}  # Any: of any result

    async def serve(self, stream: Stream) -> None:
        """Serve one stream to its end."""
        peer = stream.peer.hex()
        if why := self._objection(peer):
            await self._turned_away(stream, why)
            return
        self._busy[peer] += 1
        try:
            async with stream:
                await self._answer(stream)
        except (AppError, OSError) as exc:
            log.info("peer=%s: a stream broke: %s", peer[:8], exc)
        finally:
            self._busy[peer] -= 1
            if not self._busy[peer]:
                del self._busy[peer]

    def _objection(self, peer: str) -> str:
        """Why a peer is not heard at all."""
        if not self._rules.knows(peer):
            return "no rule is about this peer"
        if self._busy.total() >= MOST or self._busy[peer] >= MOST_OF_ONE:
            return "too many streams"
        return ""

    async def _turned_away(self, stream: Stream, why: str) -> None:
        self._refused(stream, why)
        try:
            await stream.abort(NOT_WELCOME)
        except AppError as exc:
            log.info("peer=%s: %s", stream.peer.hex()[:8], exc)
            stream.close()

    async def _answer(self, stream: Stream) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                asked = request.request(await stream.readline())
        except (BadLine, asyncio.LimitOverrunError) as exc:
            self._refused(stream, f"a request that is none: {exc}")
            await stream.abort(_NO_REQUEST)
            return
        except TimeoutError:
            self._refused(stream, f"no request within {REQUEST_S:g} s")
            await stream.abort(_NO_REQUEST)
            return
        try:
            await self._done(stream, asked)
        except Denied as exc:
            self._refused(stream, str(exc))
            _tell(stream, Answer(ok=False, code=exc.code, text=str(exc)))

    async def _done(self, stream: Stream, asked: Request) -> None:
        """Raises `Denied`."""
        peer = stream.peer.hex()
        match asked:
            case Open(target=target, udp=udp):
                allowed = partial(self._rules.offers, peer, target, udp=udp)
                rule = allowed()
                if rule is None:
                    raise Denied("not-offered", f"{target} ({_protocol(udp)}) is not offered to you there")
                if asked.probe:
                    _tell(stream, Answer(ok=True))
                else:
                    await self._lead(stream, target, self.ledgers[rule], allowed, udp=udp)
            case Lend(listen=listen, udp=udp):
                if not self._rules.lends(peer, listen, udp=udp):
                    raise Denied("not-lent", f"port {listen} ({_protocol(udp)}) is not lent to you there")
                await self._lend(stream, asked)
            case Back(token=token, udp=udp):
                back = self._reverses.get(token)
                if back is None or back.rule.peer != peer or back.rule.udp != udp:
                    raise Denied("unknown-token", "that port leads here no more")
                held = partial(self._reverses.__contains__, token)
                await self._lead(stream, back.rule.target, back.ledger, held, udp=udp)

    async def _lend(self, stream: Stream, asked: Lend) -> None:
        try:
            await self._lending.hold(stream, asked, lambda text: _tell(stream, Answer(ok=True, text=text)))
        except self._lending.Error as exc:
            raise Denied("port", str(exc)) from exc

    async def _lead(
        self, stream: Stream, target: str, ledger: Ledger, allowed: Callable[[], object], *, udp: bool
    ) -> None:
        """Carry it to its end, or until it is allowed no more. Raises `Denied`."""
        began = self._clock()
        try:
            sock = await connect(target, udp=udp)
        except NoTarget as exc:
            raise Denied("no-target", str(exc)) from exc
        task = asyncio.current_task()
        assert task is not None
        with sock:
            if not allowed():  # the rules changed meanwhile
                raise Denied("not-offered", f"{target} ({_protocol(udp)}) is offered to you no more")
            now = self._clock()
            entry = Entry(stream.peer.hex(), target, now, _protocol(udp), now - began, at_exit=True)
            number = ledger.opened(entry)
            self._led[task] = allowed
            try:
                _tell(stream, Answer(ok=True))
                if udp:
                    await Association(stream, Datagrams(sock), entry.tally).run()
                else:
                    await carry(stream, sock, entry.tally)
            finally:
                del self._led[task]
                ledger.closed(number)

    def recheck(self) -> None:
        """The rules have changed: what they do not allow any more ends."""
        for rule in self.ledgers.keys() - set(self._rules):
            del self.ledgers[rule]
        for task, allowed in self._led.items():
            if not allowed():
                task.cancel()

    def _refused(self, stream: Stream, why: str) -> None:
        self.refused += 1
        log.info("refused peer=%s: %s", stream.peer.hex()[:8], why)

    def figures(self, rule: Rule) -> dict[str, Any]:  # Any: plain data of several types
        """Who is served by an offer, and how much."""
        return self.ledgers[rule].figures(self._clock())


def _tell(stream: Stream, answer: Answer) -> None:
    stream.write(request.line(answer))


def _protocol(udp: bool) -> str:
    return "udp" if udp else "tcp"
