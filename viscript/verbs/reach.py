"""What most handlers need first: the daemon, the instances a target means, rows for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from viscript.diagnose.causes import Cause
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import Instance, Started, World
from viscript.verbs.naming import shown_id, tag
from viscript.verbs.results import StartRow
from viscript.verbs.table import Call
from viscript.verbs.targets import Selection, resolve_many

if TYPE_CHECKING:
    from viscript.diagnose.judge import WhyReport

_LONGEST_LINE = 200  # of what an app wrote, in a sentence of ours
_NAMED: Final = 3  # so many instances elsewhere are named
_LAST_WORD_S = 1.0  # how long an interrupted verb may take to say what goes on


def daemon(call: Call) -> World:
    """The daemon. Raises `VerbError` UNREACHABLE where a verb runs without one."""
    if call.world is None:
        raise VerbError(
            ExitCode.UNREACHABLE,
            f"{call.verb.name} needs the daemon, which is not running",
            suggestions=("viscript daemon --detach",),
        )
    return cast("World", call.world)


async def with_new_plugins(call: Call) -> World:
    """The daemon, after it took notice of plugin files that were added or changed."""
    world = daemon(call)
    if world.plugins is not None:
        await world.plugins.refresh()
    return world


def broken_plugins(world: World, *states: str) -> str:
    """Which plugins cannot be used; empty when all can. `states` beside broken and failed count too."""
    records = [] if world.plugins is None else world.plugins.records()
    return "; ".join(
        f"plugin {record.name} is {record.state}: `plugins show {record.name}`"
        for record in records
        if record.state in ("broken", "failed", *states)
    )


def absent_plugins(world: World) -> str:
    """Which plugins may be the reason, for who misses an app or a verb: blocked ones, too."""
    return broken_plugins(world, "blocked", "loading")


def pick(call: Call, texts: Iterable[str], *, ended: bool = False) -> Selection:
    """The instances the targets mean; `ended` lets globs, groups and `all` mean ended ones too."""
    world, words = daemon(call), list(texts)
    instances = world.supervisor.instances(ended=True)
    try:
        return resolve_many(words, instances, label=world.facts().label, ended=ended)
    except VerbError as exc:
        detail = _in_the_cluster(world, words) if exc.code is ExitCode.NOT_FOUND else ""
        if not detail:
            raise
        raise VerbError(exc.code, exc.text, detail=detail) from exc


def _in_the_cluster(world: World, words: Collection[str]) -> str:
    """What becomes of the apps of these names where the cluster runs them; nothing of others."""
    elsewhere = _elsewhere(world, words)
    if elsewhere:
        return f"the cluster runs it as {', '.join(elsewhere)}; `deploy ls` shows all of it"
    placing = getattr(world, "placing", None)
    withheld = placing.withheld if placing is not None else {}
    why = [reason for app, reason in withheld.items() if app in words]
    return f"the cluster is to run it, and does not: {why[0]}" if why else ""


def _elsewhere(world: World, words: Collection[str]) -> tuple[str, ...]:
    """Where the cluster runs the apps of these names, as far as this host knows; the first few."""
    found: tuple[Any, Any] | None = getattr(world, "desired", None)  # Any: as `wishes.desired` has it
    if found is None:
        return ()
    observed = found[0].mirror.observed()
    ids = [
        f"{found[0].label(host)}/{seen.seq}" for (app, _), (host, seen) in observed.items() if app in words
    ]
    return tuple(sorted(ids)[:_NAMED])


def pick_one(call: Call, text: str) -> Instance:
    """The one instance a target means. Raises `VerbError` USAGE when it means several."""
    found = pick(call, [text]).instances
    if len(found) != 1:
        ids = ", ".join(shown_id(item.seq) for item in found[:10]) or "none"
        raise VerbError(ExitCode.USAGE, f'{call.verb.name} takes one target; "{text}" means {ids}')
    return found[0]


def title(item: Instance) -> str:
    """How an instance is named in a sentence."""
    return f"{tag(item.seq)} {item.name}"


def start_row(item: Instance, host: str) -> StartRow:
    """The public facts of an instance that was started."""
    return StartRow(
        id=item.seq,
        generation=item.generation,
        name=item.name,
        app=item.app,
        state=item.state.value,
        pid=item.pid,
        host=host,
    )


def start_text(item: Instance) -> str:
    """What people read of an instance that was started."""
    pid = f", pid {item.pid}" if item.pid else ""
    waits = f" for {', '.join(item.waiting_for)}" if item.waiting_for else ""
    return f"{title(item)} is {item.state}{waits}{pid}"


async def failed_start(call: Call, started: Started) -> VerbError:
    """Why a start did not succeed, with whoever holds what it wanted."""
    from viscript.diagnose.why import investigate

    world = daemon(call)
    report = await investigate(started.instance, world)
    blame = report.text if report.conflict is not None else _last_words(report)
    if not blame and report.cause == Cause.DEPENDENCY and (absent := absent_plugins(world)):
        blame = f"{report.text}; {absent}"
    return start_error(started, world.facts().label, blame=blame)


def _last_words(report: WhyReport) -> str:
    """How it ended, with what it wrote last; empty when that tells nothing."""
    line = next((line.strip() for line in reversed(report.last_lines) if line.strip()), "")
    if not line or report.cause != Cause.EXITED:
        return ""
    return f"{report.text}, it wrote: {line[:_LONGEST_LINE]}"


def start_error(started: Started, host: str, *, blame: str = "") -> VerbError:
    """Why a start did not succeed; the id that was kept is part of it."""
    item = started.instance
    reason = started.reason or item.reason or f"it is {item.state}"
    if blame:
        reason = f"{blame}; {reason.partition('; ')[2]}".removesuffix("; ")
    return VerbError(
        ExitCode(started.code) if started.code in set(ExitCode) and started.code else ExitCode.FAILED,
        f"{title(item)} did not start: {reason}",
        suggestions=(f"why {shown_id(item.seq)}", f"log {shown_id(item.seq)}", f"sd {shown_id(item.seq)}"),
        data=start_row(item, host),
    )


@asynccontextmanager
async def goes_on(call: Call, text: Callable[[], str]) -> AsyncIterator[None]:
    """Tell an interrupted caller what goes on without him."""
    try:
        yield
    except asyncio.CancelledError:
        with tolerant():
            async with asyncio.timeout(_LAST_WORD_S):
                await call.writer.err(f"{text()}\n")
        raise


@contextmanager
def tolerant() -> Iterator[None]:
    """The caller may be gone already; then nobody needs to be told."""
    try:
        yield
    except (OSError, TimeoutError):
        return
