"""A command on one other host: what it writes there appears here, as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from viscript.cluster.far.asking import away_text
from viscript.cluster.far.conversation import Answer, Conversation, hang_up, tty
from viscript.cluster.far.deadlines import CHANGING_S, MARGIN_S
from viscript.cluster.far.route import Leg
from viscript.cluster.far.viewing import FarView
from viscript.cluster.links.api import HostAway, HostLinks, StreamRefused
from viscript.errors import ExitCode, VerbError
from viscript.render.text import tame_lines

if TYPE_CHECKING:
    from viscript.verbs.run import Context

LAST_WORDS_S: Final = 1.0  # how long an interrupted verb may take to say what goes on


async def pass_on(links: HostLinks, leg: Leg, context: Context, deadline: float | None) -> int | FarView:
    """The exit code, or a view of an app, which the caller has to show and close. Raises `VerbError`."""
    host, begun = leg.host, asyncio.get_running_loop().time()
    try:
        async with contextlib.AsyncExitStack() as stack:
            stream = await links.open(host.key, "door", deadline or CHANGING_S)
            stack.push_async_callback(hang_up, stream)
            talk = Conversation(stream, host)
            end = None if deadline is None else begun + deadline + MARGIN_S  # of the way there, too
            last = await _talk(talk, leg, context, end)
            if "x" in last:
                return int(last["x"])
            stack.pop_all()
            return FarView(stream, talk.rest, host, last["a"])
    except TimeoutError as exc:
        text = f"{host.label} did not answer within {deadline:g} s"
        raise VerbError(ExitCode.TIMED_OUT, text, suggestions=("hosts",)) from exc
    except HostAway as exc:
        raise VerbError(ExitCode.UNREACHABLE, away_text(host, exc), suggestions=("hosts",)) from exc
    except StreamRefused as exc:
        raise VerbError(ExitCode.UNREACHABLE, f"{host.label} refused: {exc}") from exc


async def _talk(talk: Conversation, leg: Leg, context: Context, end: float | None) -> Answer:
    """Ask, and show what comes, until the answer that is the last."""
    try:
        async with asyncio.timeout_at(end):
            await talk.ask({"argv": leg.argv, "tty": tty(context.terminal), "mode": context.mode})
            return await _shown(talk, leg, context)
    except asyncio.CancelledError:
        with contextlib.suppress(TimeoutError, HostAway, StreamRefused, OSError, VerbError):
            async with asyncio.timeout(LAST_WORDS_S):
                await talk.interrupt()
                await _shown(talk, leg, context)
        raise


def whose(label: str, text: str) -> str:
    """What a host says beside its answer, with the host in front where it is not named."""
    return text if f"{label}/" in text or text.startswith(label) else f"{label}: {text}"


async def _shown(talk: Conversation, leg: Leg, context: Context) -> Answer:
    """Write what the other host writes; what no terminal here should obey is left out."""
    terminal = context.terminal
    while (answer := await talk.answer()) is not None:
        if "o" in answer:
            text = str(answer["o"])
            await context.sink.out(tame_lines(text) if terminal.out else text)
        elif "e" in answer:
            text = whose(leg.host.label, str(answer["e"]))
            await context.sink.err(tame_lines(text) if terminal.err else text)
        elif "p" in answer:
            raise VerbError(
                ExitCode.USAGE,
                f"{leg.argv[0]} is a program in the caller's place: run it on {leg.host.label} itself",
            )
        elif "x" in answer or "a" in answer:
            return answer
    raise HostAway(leg.host.label, leg.host.key, "it hung up before this was done", leg.host.last_seen)
