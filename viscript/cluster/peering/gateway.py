"""The gateway: the host that has the cluster's key speaks for its cluster to others, and answers them.

What both said is kept by the register; whatever is new is told to the other side as soon as it can be
reached, again and again. A command is answered only while both have said yes, and given up at once when one
of them takes it back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from signal_bus.identity import Identity
from signal_bus.ids import PublicKey
from viscript.cluster.book import Book
from viscript.cluster.peering import standing
from viscript.cluster.peering.fanout import Fanout
from viscript.cluster.peering.gate import Gate
from viscript.cluster.peering.pacing import Pacing
from viscript.cluster.peering.register import Full, Register
from viscript.cluster.peering.speaking import converse
from viscript.cluster.peering.standing import Peering, Said, Standing
from viscript.cluster.peering.terms import Answer, Ask, BadTerms, Question, Reply, Share, Terms, patience_s
from viscript.cluster.peering.ways import NoWay, Ways
from viscript.errors import ExitCode, VerbError
from viscript.store.writer import StoreError

log = logging.getLogger(__name__)

REPLY_S: Final = 30.0  # beside what a command may take; its hosts may be slow to reach
FAREWELL_S: Final = 4.0
LOOK_S: Final = 1.0
ASKS_MAX: Final = 32  # commands of other clusters at a time
ASKS_OF_ONE: Final = 4
TELLING_MAX: Final = 8  # clusters told at a time
NOT_YET: Final = "this cluster has not said yes to yours"
WHY_NOT: Final = {
    Standing.STRANGERS: "propose it with `peer cluster`",
    Standing.PROPOSED: "it has not accepted yet",
    Standing.ASKED: "it asks, and waits for your `peer accept`",
    Standing.REFUSED: "it said no, or ended it",
    Standing.BARRED: "it was refused here",
}
CHANGED: Final = "what is shared with you has changed meanwhile"


class Gateway:
    """`run` in a task; it works while this host has the cluster's key."""

    def __init__(
        self,
        *,
        book: Book,
        register: Register,
        fanout: Fanout,
        ways: Ways,
        gate: Callable[[Gateway], Gate],
        label: Callable[[], str],
        addresses: Callable[[], tuple[str, ...]],
        found: Callable[[Identity], Awaitable[None]],
    ) -> None:
        """`found` has this cluster be found by its key; it is called again and again."""
        self.register = register
        self.ways = ways
        self.gate = gate(self)
        self._book = book
        self._fanout = fanout
        self._label = label
        self._addresses = addresses
        self._found = found
        self._pacing = Pacing()
        self._turns = asyncio.Semaphore(TELLING_MAX)
        self._asked: dict[asyncio.Timeout, PublicKey] = {}  # whose commands are being answered
        self._under_way: dict[asyncio.Timeout, PublicKey] = {}  # our own questions

    def own(self) -> Identity | None:
        """The cluster's key; None where it is not kept here."""
        return self._book.signer() if self._book.is_founder else None

    def is_wanted(self, key: PublicKey) -> bool:
        """Whether this cluster has said yes to that one."""
        return self.register.get(key).standing in standing.OURS

    # What persons of this cluster say.

    async def consent(
        self, key: PublicKey, share: Share, *, name: str = "", at: tuple[str, ...] = ()
    ) -> Peering:
        """Say yes, and what is shared. Raises `VerbError`, `StoreError`."""
        self._demand_key(key)
        self._demand_name(key, name)
        one = self.register.get(key)
        version = self.register.next_version(time.time())
        named = msgspec.structs.replace(one, name=name or one.name, at=at or one.at)
        after = standing.consent(named, share, time.time(), version=version)
        try:
            await self.register.put(after)
        except Full as exc:
            raise VerbError(ExitCode.FAILED, str(exc)) from exc
        if after.mine != one.mine:
            _cut(self._asked, key)  # what was begun under the terms before
        self._pacing.soon(key)
        return after

    async def end(self, one: Peering) -> bool:
        """Say no, at once and in both directions; whether they have heard it by now."""
        version = self.register.next_version(time.time())
        after = standing.said(one, Said.WE_NO, time.time())
        await self.register.put(after)
        self._cut(one.key)
        self._pacing.forget(one.key)
        if one.standing in (Standing.BARRED, Standing.REFUSED):
            return True
        farewell = msgspec.structs.replace(self._terms(after, None), no=True, version=version)
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._converse(one, Question(terms=farewell), FAREWELL_S)
        except (NoWay, BadTerms, OSError, TimeoutError) as exc:
            log.info("cluster=%s does not hear yet that it is over: %s", one.key.hex()[:16], exc)
            return False
        return True

    async def ask(self, one: Peering, asked: Ask) -> Answer:
        """Have a command done there. Raises `VerbError`."""
        if one.standing is not Standing.PEERED:
            raise VerbError(ExitCode.NOT_PERMITTED, f"{one.called} is not a peer: {WHY_NOT[one.standing]}")
        patience = patience_s(asked.timeout)
        try:
            async with asyncio.timeout(patience):
                answer = (await self._tell(one, asked)).answer
        except (NoWay, BadTerms, OSError, TimeoutError) as exc:
            if self.register.get(one.key).standing is not Standing.PEERED:
                raise VerbError(ExitCode.NOT_PERMITTED, f"{one.called} is no peer any more") from exc
            if isinstance(exc, TimeoutError):
                text = f"{one.called} did not answer within {patience:.3g} s"
                raise VerbError(ExitCode.TIMED_OUT, text) from exc
            text = f"{one.called} cannot be reached: {exc}"
            raise VerbError(ExitCode.UNREACHABLE, text) from exc
        if answer is None:
            raise VerbError(ExitCode.UNREACHABLE, f"{one.called} does not answer")
        return answer

    async def tell(self, one: Peering, patience: float | None = None) -> str:
        """Say how we stand; empty, or why they could not be reached."""
        try:
            async with asyncio.timeout(patience):
                await self._tell(one, None)
        except (NoWay, BadTerms, OSError, TimeoutError) as exc:
            return str(exc) or "no answer in time"
        return ""

    # What other clusters say.

    async def reply(self, key: PublicKey, question: Question) -> Reply:
        """Answer one that has proved its key."""
        one = await self._heard(key, question.terms)
        told = self._terms(one, question.terms)
        answer = None if question.ask is None else await self._answer(key, question.ask)
        return Reply(terms=told, answer=answer)

    async def _answer(self, key: PublicKey, asked: Ask) -> Answer:
        one = self.register.get(key)  # as it stands by now: what it said took a moment to be kept
        if one.standing is not Standing.PEERED:
            return Answer(code=ExitCode.NOT_PERMITTED, text=NOT_YET)
        of_one = list(self._asked.values()).count(one.key)
        if len(self._asked) >= ASKS_MAX or of_one >= ASKS_OF_ONE:
            return Answer(code=ExitCode.FAILED, text="busy with other commands; try again")
        try:
            async with asyncio.timeout(None) as scope:
                self._asked[scope] = one.key
                try:
                    return await self._fanout.ask(one.key, one.mine, asked)
                finally:
                    del self._asked[scope]
        except TimeoutError:
            return Answer(code=ExitCode.NOT_PERMITTED, text=CHANGED)

    async def _heard(self, key: PublicKey, told: Terms) -> Peering:
        before = self.register.get(key)
        after = standing.heard(before, told, time.time())
        try:
            await self.register.put(after)
        except Full as exc:
            log.debug("cluster=%s asks, and is not heard: %s", key.hex()[:16], exc)
            return Peering(key=key)
        except StoreError as exc:
            log.error("cluster=%s: what it said is not kept: %s", key.hex()[:16], exc)
        if before.standing is Standing.PEERED and after.standing is not Standing.PEERED:
            self._cut(key)
        return after

    # Speaking.

    async def run(self) -> None:
        """Tell the others what is new, for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            own = self.own()
            if own is None:
                continue
            await self.gate.follow_mesh()
            await self._found(own)
            now = asyncio.get_running_loop().time()
            ours = [one for one in self.register.all() if one.standing in standing.OURS]
            async with asyncio.TaskGroup() as group:
                for one in ours:
                    if self._pacing.due(one, self._mark(one), now):
                        group.create_task(self._tell_guarded(one))

    async def _tell_guarded(self, one: Peering) -> None:
        try:
            async with self._turns:
                trouble = await self.tell(one)
        except Exception:  # one cluster must not keep the others from being told
            log.exception("cluster=%s: telling it failed", one.key.hex()[:16])
            trouble = "a fault here"
        if trouble:
            log.info("cluster=%s is not told yet: %s", one.key.hex()[:16], trouble)
            self._pacing.failed(one.key, asyncio.get_running_loop().time())

    async def _tell(self, one: Peering, asked: Ask | None) -> Reply:
        patience_s = REPLY_S + (asked.timeout if asked is not None else 0.0)
        mark = self._mark(one)
        question = Question(terms=self._terms(one, None), ask=asked)
        async with asyncio.timeout(None) as scope:
            self._under_way[scope] = one.key
            try:
                reply = await self._converse(one, question, patience_s)
            finally:
                del self._under_way[scope]
        await self._heard(one.key, reply.terms)
        self._pacing.told(one.key, mark, asyncio.get_running_loop().time())
        return reply

    async def _converse(self, one: Peering, question: Question, patience_s: float) -> Reply:
        """The reply by the first way where the cluster proves to be. Raises `NoWay`, or as `Asking.say`."""
        own = self.own()
        if own is None:
            raise NoWay("the cluster's key is not on this host")
        return await converse(self.ways, own, one, question, patience_s)

    def _terms(self, one: Peering, told: Terms | None) -> Terms:
        return standing.terms(
            one,
            told,
            label=self._label(),
            addresses=self._addresses(),
            visor=self.ways.visor,
            version=self.register.version,
        )

    def _mark(self, one: Peering) -> object:
        """What they would be told: as long as it is the same, once is enough."""
        return self._terms(one, None)

    def _cut(self, key: PublicKey) -> None:
        """Give up what is being done for a cluster, and by it."""
        _cut(self._asked, key)
        _cut(self._under_way, key)

    # Mistakes.

    def _demand_key(self, key: PublicKey) -> None:
        own = self.own()
        if own is None:
            raise VerbError(ExitCode.FAILED, "the cluster's key is not on this host: say it at the founder")
        if key == own.public_key:
            raise VerbError(ExitCode.USAGE, "this is the key of your own cluster")

    def _demand_name(self, key: PublicKey, name: str) -> None:
        for one in self.register.all() if name else ():
            if one.name == name and one.key != key:
                raise VerbError(ExitCode.USAGE, f'another cluster is called "{name}": {one.key.hex()[:16]}')


def _cut(scopes: dict[asyncio.Timeout, PublicKey], key: PublicKey) -> None:
    """End those of this cluster: each raises `TimeoutError` where it waits."""
    now = asyncio.get_running_loop().time()
    for scope, of in scopes.items():
        if of == key:
            scope.reschedule(now)
