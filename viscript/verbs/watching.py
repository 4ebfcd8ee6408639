"""events: what happened, and what happens."""

import asyncio
from typing import Any

from viscript.errors import ExitCode, VerbError
from viscript.events import Event, EventLog, Gap
from viscript.render.human import clock
from viscript.verbs.reach import daemon, pick
from viscript.verbs.table import Arg, Call, Column, Option, Outcome, Verb

QUEUED = 1000  # events a follower may lag behind; then it resumes from the log, and hears of a gap


class Follower:
    """All events from a cursor on, in order, for one reader of any speed.

    It keeps no copy: what a slow reader has not taken is read from the log, and when the log has
    dropped it, `next` says so by raising `Gap` once and going on at the oldest that is left.
    """

    def __init__(self, log: EventLog, cursor: int | None = None) -> None:
        self._log = log
        self._cursor = log.next_cursor if cursor is None else cursor
        self._woken = asyncio.Event()
        self._stop = log.listen(lambda _event: self._woken.set())

    def close(self) -> None:
        """Listen no longer."""
        self._stop()

    async def next(self) -> list[Event]:
        """The next events, at least one, at most `QUEUED`. Raises `Gap`."""
        while True:
            self._woken.clear()
            events = self._take()
            if events:
                return events
            await self._woken.wait()

    def _take(self) -> list[Event]:
        if self._cursor >= self._log.next_cursor:
            return []
        try:
            events = self._log.since(self._cursor)[:QUEUED]
        except Gap as gap:
            self._cursor = gap.oldest
            raise
        if events:
            self._cursor = events[-1].cursor + 1
        return events


async def events(call: Call) -> Outcome:
    """The newest events; with `-f` every later one too."""
    log = daemon(call).events
    objects = _objects(call)
    follower = Follower(log)
    try:
        past = _past(log, call, objects)
        if not call.args["follow"]:
            return Outcome(data=past)
        for event in past:
            await call.writer.row(event)
        await _follow(follower, call, objects)
    finally:
        follower.close()
    return Outcome()


def _objects(call: Call) -> frozenset[str] | None:
    if not call.args["targets"]:
        return None
    found: set[str] = set()
    for text in call.args["targets"]:
        if text in ("daemon", "keeper"):
            found.add(text)
        else:
            found |= {f"app/{item.seq}" for item in pick(call, [text], ended=True).instances}
    return frozenset(found)


def _wanted(event: Event, call: Call, objects: frozenset[str] | None) -> bool:
    kind = call.args["type"]
    return (objects is None or event.object in objects) and (kind is None or event.type == kind)


def _past(log: EventLog, call: Call, objects: frozenset[str] | None) -> list[Event]:
    cursor = call.args["cursor"]
    if cursor is not None:
        try:
            found = log.since(cursor)
        except Gap as gap:
            raise VerbError(
                ExitCode.NOT_FOUND,
                f"events before cursor {gap.oldest} are gone",
                suggestions=(f"events --cursor {gap.oldest}",),
            ) from gap
    else:
        found = log.last(log.next_cursor)
    since = call.args["since"]
    if since is not None:
        oldest = daemon(call).now() - since
        found = [event for event in found if event.time >= oldest]
    wanted = [event for event in found if _wanted(event, call, objects)]
    whole = cursor is not None or (since is not None and call.args["count"] is None)
    count = call.args["count"] if call.args["count"] is not None else 20
    return wanted if whole else wanted[-count:] if count else []


async def _follow(follower: Follower, call: Call, objects: frozenset[str] | None) -> None:
    while True:
        try:
            batch = await follower.next()
        except Gap as gap:
            await call.writer.err(f"events before cursor {gap.oldest} were lost to this slow reader\n")
            continue
        for event in batch:
            if _wanted(event, call, objects):
                await call.writer.row(event)


def event_line(event: Any) -> str:  # Any: rows reach columns untyped
    """One event on one line."""
    reason = f": {event.reason}" if event.reason else ""
    actor = f" by {event.actor}" if event.actor != "viscript" else ""
    return f"{clock(event.time)}  {event.object}  {event.type}{reason}{actor}"


VERBS = (
    Verb(
        name="events",
        aliases=("ev",),
        group="look",
        summary="what happened: starts, exits, restarts, who did what",
        examples=("ev", "ev -f", "ev 7 --since 10m -o jsonl"),
        args=(
            Arg(name="targets", kind="target", required=False, many=True, help="apps, `daemon` or `keeper`"),
        ),
        options=(
            Option(flags=("-f", "--follow"), name="follow", flag=True, help="and what happens from now on"),
            Option(
                flags=("-n", "--count"), name="count", kind="int", at_least=0, metavar="N",
                help="how many of the newest; 20",
            ),
            Option(flags=("--since",), name="since", kind="seconds", metavar="S", help="of the last S"),
            Option(flags=("--cursor",), name="cursor", kind="int", metavar="N", help="from this cursor on"),
            Option(flags=("--type",), name="type", metavar="TYPE", help="of this type only"),
        ),
        result=list[Event],
        columns=(
            Column(title="time", text=lambda row: clock(row.time)),
            Column(title="object", text=lambda row: row.object),
            Column(title="type", text=lambda row: row.type),
            Column(title="reason", text=lambda row: row.reason, shrink=True),
            Column(title="actor", text=lambda row: row.actor, wide=True),
            Column(title="cursor", text=lambda row: str(row.cursor), wide=True),
        ),
        name_of=lambda row: str(row.cursor),
        line_of=event_line,
        streams=True,
        handler=events,
    ),
)  # fmt: skip
