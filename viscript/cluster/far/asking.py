"""One command on several hosts at once: what each answered within the deadline, or why it did not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from viscript.cluster.far.conversation import Conversation, hang_up, tty
from viscript.cluster.far.deadlines import MARGIN_S
from viscript.cluster.far.gathered import Gathered
from viscript.cluster.far.remembered import Remembered
from viscript.cluster.far.route import Leg
from viscript.cluster.links.api import HostAway, HostLinks, HostState, StreamRefused
from viscript.errors import ExitCode, VerbError
from viscript.render.human import span
from viscript.render.writer import Sink
from viscript.verbs.table import Terminal

Status = Literal["ok", "failed", "unreachable", "stale"]
Here = Callable[[Leg, Sink], Awaitable[int]]  # runs a leg on this host


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What one host answered; `age_seconds` is how old that is, or how long nothing was heard of it."""

    host: HostState
    status: Status
    code: int
    out: str = ""
    err: str = ""
    age_seconds: float | None = 0.0


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a command is asked: for which screen, and how long it may take."""

    terminal: Terminal
    deadline: float
    looks: bool  # it changes nothing: an old answer is better than none


class Many(Protocol):
    """Who asks several hosts."""

    async def ask(self, legs: Sequence[Leg], manner: Manner, here: Here) -> list[Heard]:
        """All legs at once; an answer for each, in their order."""


class Asking:
    """Asks over the links of this host."""

    def __init__(self, links: HostLinks, remembered: Remembered) -> None:
        self._links = links
        self._remembered = remembered

    async def ask(self, legs: Sequence[Leg], manner: Manner, here: Here) -> list[Heard]:
        """All legs at once; an answer for each, in their order, at the deadline at the latest."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(leg, manner, here)) for leg in legs]
        return self._aged([task.result() for task in tasks])

    async def _one(self, leg: Leg, manner: Manner, here: Here) -> Heard:
        sink = Gathered()
        try:
            async with asyncio.timeout(manner.deadline + MARGIN_S):
                if leg.host.local:
                    code = await here(leg, sink)
                else:
                    code = await self._far(leg, manner, sink)
        except TimeoutError:
            return self._missed(leg, manner, ExitCode.TIMED_OUT, _late(leg.host, manner.deadline))
        except HostAway as exc:
            return self._missed(leg, manner, ExitCode.UNREACHABLE, away_text(leg.host, exc))
        except StreamRefused as exc:
            return self._missed(leg, manner, ExitCode.UNREACHABLE, f"{leg.host.label} refused: {exc}")
        except VerbError as exc:
            return Heard(host=leg.host, status="failed", code=exc.code, err=f"{exc.text}\n")
        out, err = sink.texts()
        if code == ExitCode.DONE and manner.looks and not sink.is_cut:
            self._remembered.keep(leg.host.key, leg.argv, out, time.monotonic())
        return Heard(host=leg.host, status="failed" if code else "ok", code=code, out=out, err=err)

    async def _far(self, leg: Leg, manner: Manner, sink: Sink) -> int:
        stream = await self._links.open(leg.host.key, "door", manner.deadline)
        try:
            talk = Conversation(stream, leg.host)
            await talk.ask({"argv": leg.argv, "tty": tty(manner.terminal), "mode": "api"})
            code = await gather(talk, leg.host, sink)
        except BaseException:
            await hang_up(stream)
            raise
        await stream.close()  # all that was asked has been heard, so that this waits for nothing
        return code

    def _missed(self, leg: Leg, manner: Manner, code: ExitCode, why: str) -> Heard:
        """The host did not answer: what it said last time, as old as it is, or since when it is silent."""
        old = self._remembered.find(leg.host.key, leg.argv) if manner.looks else None
        if old is not None:
            age = time.monotonic() - old.at
            return Heard(
                host=leg.host, status="stale", code=code, out=old.out, err=f"{why}\n", age_seconds=age
            )
        return Heard(host=leg.host, status="unreachable", code=code, err=f"{why}\n")

    def _aged(self, heard: list[Heard]) -> list[Heard]:
        """With how long nothing was heard, by now, of those that did not answer."""
        if all(one.status != "unreachable" for one in heard):
            return heard
        ages = {host.key: host.age_seconds for host in self._links.hosts()}
        return [
            replace(one, age_seconds=ages.get(one.host.key, one.host.age_seconds))
            if one.status == "unreachable"
            else one
            for one in heard
        ]


async def gather(talk: Conversation, host: HostState, sink: Sink) -> int:
    """Put all that is answered into `sink`; the exit code. Raises `VerbError` for what cannot be gathered."""
    while (answer := await talk.answer()) is not None:
        if "o" in answer:
            await sink.out(str(answer["o"]))
        elif "e" in answer:
            await sink.err(str(answer["e"]))
        elif "x" in answer:
            return int(answer["x"])
        elif "a" in answer or "p" in answer:
            raise VerbError(ExitCode.USAGE, "this needs a terminal of its own; ask one host")
    raise HostAway(host.label, host.key, "it hung up before this was done", host.last_seen)


def away_text(host: HostState, exc: HostAway) -> str:
    """Why a host cannot be asked, and since when."""
    since = "" if host.age_seconds is None else f", last heard {span(host.age_seconds)} ago"
    return f"{host.label} is away: {exc.why}{since}"


def _late(host: HostState, deadline: float) -> str:
    return f"{host.label} did not answer within {deadline:g} s"


def plain(terminal: Terminal, **more: Any) -> Terminal:  # Any: fields of it
    """A screen for what is gathered: no colour, nobody types."""
    return replace(terminal, colour=False, into=False, **more)
