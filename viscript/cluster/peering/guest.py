"""Running a command of another cluster on this host: checked, limited, written down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from viscript.cluster.audit.entry import Said
from viscript.cluster.audit.recording import is_audited, recorded
from viscript.cluster.audit.words import plain_words
from viscript.cluster.far.gathered import Gathered
from viscript.cluster.peering.allowed import check, check_targets
from viscript.cluster.peering.answers import limited
from viscript.cluster.peering.terms import Share
from viscript.cluster.peering.view import View
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import World
from viscript.verbs.parse import Parsed
from viscript.verbs.run import Context, run
from viscript.verbs.table import NoDesk, Terminal

log = logging.getLogger(__name__)
T = TypeVar("T")

WORD_SHOWN: Final = 64
Carry = Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]]  # Any: what the work gives


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Who asks, by the key of his cluster, and what is shared with it."""

    cluster: str  # hexadecimal
    share: Share


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command wrote, and how it ended."""

    code: int
    out: str = ""
    err: str = ""


class Guests:
    """Runs commands of other clusters on one host; `carry` brings what was begun to its end."""

    def __init__(self, world: World, carry: Carry) -> None:
        self._world = world
        self._carry = carry

    def check(self, guest: Guest, argv: Sequence[str]) -> Parsed:
        """The command, if it may be asked for at all. Raises `VerbError`."""
        return check(self._world.table, argv, guest.share)

    async def run(self, guest: Guest, argv: Sequence[str], terminal: Terminal, most: int) -> Done:
        """Run it, for `most` characters; every fault becomes a sentence and a code."""
        view = View(self._world, guest.share)
        try:
            parsed = self.check(guest, argv)
            check_targets(parsed, view.supervisor.instances(ended=True), label=view.facts().label)
        except VerbError as exc:
            await self.refuse(guest, argv, exc)
            return Done(code=exc.code, err=f"{exc.text}\n")
        if self._world.audit is None or not is_audited(parsed):
            return await self._run(view, guest, argv, terminal, most)
        label = view.facts().label
        async with recorded(self._world.audit, argv, parsed, actor=guest.cluster, host=label) as note:
            done = await self._run(view, guest, argv, terminal, most)
            note.code = done.code
            return done

    async def refuse(self, guest: Guest, argv: Sequence[str], exc: VerbError) -> None:
        """Write down that a cluster asked for what it may not have; a mistake in the form is none."""
        log.info("cluster=%s: %s", guest.cluster[:16], exc.text)
        if self._world.audit is None or exc.code is not ExitCode.NOT_PERMITTED:
            return
        await self._world.audit.refused(said_of(guest, argv, self._world.facts().label), exc.code)

    async def _run(
        self, view: View, guest: Guest, argv: Sequence[str], terminal: Terminal, most: int
    ) -> Done:
        sink = Gathered(most)
        context = Context(
            table=limited(self._world.table),
            world=view,
            sink=sink,
            terminal=terminal,
            mode="api",
            actor=guest.cluster,
            role=guest.share.role,
            desk=_Desk(self._carry),
            covered=True,
        )
        ran = await run(("-o", "json", *argv), context)
        out, err = sink.texts()
        return Done(code=int(ran.code), out=out, err=err)


class _Desk(NoDesk):
    """What was begun goes on when the caller is cut off."""

    def __init__(self, carry: Carry) -> None:
        self._to_its_end = carry

    async def carry(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end; its result."""
        found: T = await self._to_its_end(work)
        return found


def said_of(guest: Guest, argv: Sequence[str], label: str) -> Said:
    """The entry of a command that was refused before it was understood."""
    words = plain_words(argv)
    return Said(
        kind="refused",
        time=0.0,
        actor=guest.cluster,
        host=label,
        verb=words[0][:WORD_SHOWN] if words else "",
        role=guest.share.role.value,
        argv=words,
    )
