"""One conversation at the door: a verb, a script, completions, a subscription, or a terminal.

Two tasks serve a verb: one runs it, one reads the client. `{"i":1}` and the client's end cancel
the verb; what it carries (a start, a stop) goes on by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from viscript.door import complete, notices
from viscript.door.attach import attach
from viscript.door.connection import Connection, LineTooLong
from viscript.door.protocol import (
    TYPED_MAX,
    Complete,
    Reply,
    Request,
    is_interrupt,
    line,
    reply,
    request,
)
from viscript.errors import ExitCode, VerbError
from viscript.verbs.roles import is_far
from viscript.verbs.run import Context, Ran, run, tell_error
from viscript.verbs.script import Command, split
from viscript.verbs.table import Attach, Role

if TYPE_CHECKING:
    from viscript.cluster.far.viewing import FarView
    from viscript.door.server import Door

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Caller:
    """Who speaks, and what he may."""

    actor: str
    role: Role


HERE: Final = Caller("local", Role.ADMIN)  # this home's own user


class Session:
    """Serves one connection; also the desk of the verbs it runs."""

    def __init__(self, door: Door, connection: Connection, caller: Caller) -> None:
        self._door = door
        self._connection = connection
        self._caller = caller
        self._interrupted = False
        self._attach: Attach | None = None
        self._program: tuple[str, ...] = ()
        self._view: FarView | None = None
        self._asked: asyncio.Future[Reply] | None = None

    async def serve(self) -> None:
        """The whole conversation; every fault ends it with a sentence and a code."""
        connection = self._connection
        try:
            await connection.greet()
            first = await self._first_line()
            if first is not None:
                await self._answer(request(first))
        except VerbError as exc:
            await self._refuse(exc)
        except LineTooLong:
            text = f"a request is longer than {connection.longest} bytes"
            await self._refuse(VerbError(ExitCode.USAGE, text))

    async def _first_line(self) -> bytes | None:
        try:
            async with asyncio.timeout(self._door.patience_s):
                return await self._connection.line()
        except TimeoutError as exc:
            text = f"no request came within {self._door.patience_s:g} s"
            raise VerbError(ExitCode.TIMED_OUT, text) from exc

    async def _refuse(self, error: VerbError) -> None:
        await self._connection.err(f"{error.text}\n")
        await self._connection.send(line({"x": int(error.code)}))

    async def _answer(self, asked: Request) -> None:
        if asked.complete is not None:
            await self._complete(asked)
        elif asked.subscribe is not None:
            far = asked.subscribe.far and not is_far(self._caller.actor)
            await notices.stream(self._connection, self._door.world, asked.subscribe, far=far)
        else:
            await self._run(asked)

    async def _complete(self, asked: Request) -> None:
        while asked.complete is not None:
            ask = asked.complete
            await self._turn()
            await self._connection.send(line(await self._candidates(ask)))
            following = await self._connection.line()
            if following is None:
                return
            asked = request(following)

    async def _candidates(self, ask: Complete) -> dict[str, Any]:  # Any: JSON
        """What may follow; for callers of other hosts nothing is asked of a third."""
        if len(ask.text) > TYPED_MAX:
            return {"items": [], "hint": ""}
        if not is_far(self._caller.actor):
            await complete.prepare(ask, self._door.world)
        return complete.complete(ask.text, ask.cursor, self._door.world, ask.host)

    # -- verbs

    async def _run(self, asked: Request) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(self._guarded(asked))
                reading = group.create_task(self._read(running))
                running.add_done_callback(lambda _: reading.cancel())
            if self._attach is not None:
                await attach(self._connection, self._door, self._attach)
            if self._view is not None:
                await self._view.show(self._connection)
        finally:
            if self._view is not None:
                await self._view.close()

    async def _read(self, running: asyncio.Task[None]) -> None:
        """Watch for interrupts and for the client's end; both cancel the verb."""
        while True:
            try:
                said = await self._connection.line()
            except LineTooLong:
                said = None
            if said is None:
                running.cancel()
                return
            if is_interrupt(said):
                self._interrupted = True
                running.cancel()
            elif self._asked is not None and not self._asked.done() and (typed := reply(said)) is not None:
                self._asked.set_result(typed)

    async def _guarded(self, asked: Request) -> None:
        """Run what was asked; tell the code, also when it was interrupted."""
        try:
            code = await self._verbs(asked)
        except asyncio.CancelledError:
            if not self._interrupted:
                return  # the client is gone
            code = ExitCode.INTERRUPTED
        except OSError:
            return  # the client is gone
        if self._program:
            await self._say({"p": self._program})
        elif self._attach is None and self._view is None:
            await self._say({"x": int(code)})

    async def _say(self, answer: dict[str, Any]) -> None:  # Any: JSON
        try:
            await self._connection.send(line(answer))
        except OSError as exc:
            log.debug("a client left before its answer: %s", exc)

    async def _verbs(self, asked: Request) -> ExitCode:
        context = self._context(asked)
        if asked.argv is not None:
            await self._turn()
            ran = await run(asked.argv, context)
            self._attach, self._program, self._view = ran.attach, ran.program, ran.view
            return ran.code
        try:
            commands = await asyncio.to_thread(split, asked.script or "")  # a long one takes a while
        except VerbError as exc:
            await tell_error(exc, "table", context)
            return exc.code
        return await self._script(commands, context, keep_going=asked.keep_going)

    async def _script(self, commands: list[Command], context: Context, *, keep_going: bool) -> ExitCode:
        """One after the other; the code of the first that failed."""
        first_failure = ExitCode.DONE
        for command in commands:
            verb = context.table.get(command.words[0])
            if verb is not None and verb.name == "quit":
                break
            await self._turn()
            ran = await run(command.words, context)
            code = (await self._no_attach(ran, context)).code
            first_failure = first_failure or code
            if code and not keep_going:
                break
            await asyncio.sleep(0)  # a verb may answer without waiting for anything
        return first_failure

    async def _no_attach(self, ran: Ran, context: Context) -> Ran:
        if ran.view is not None:
            await ran.view.close()
        elif ran.attach is None:
            return ran
        await tell_error(VerbError(ExitCode.USAGE, "a script cannot attach"), "table", context)
        return Ran(ExitCode.USAGE)

    def _context(self, asked: Request) -> Context:
        return Context(
            table=self._door.table,
            world=self._door.world,
            sink=self._connection,
            terminal=asked.tty.terminal(),
            cwd=asked.cwd,
            mode="script" if asked.script is not None else asked.mode,
            actor=self._caller.actor,
            role=self._caller.role,
            environ=asked.environ,
            desk=self,
            called=asked.called,
            default_host=asked.host,
        )

    async def _turn(self) -> None:
        """Wait until the caller may have its next command."""
        await self._door.room.turn(None if self._caller is HERE else self._caller.actor)

    # -- the desk

    async def carry(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the door's own group: this conversation may end before it does."""
        return await self._door.carry(work)

    def detach(self, seq: int) -> int:
        """End all viewers of an app."""
        return self._door.detach(seq)

    async def ask(self, question: str) -> str | None:
        """Ask the person at the client's terminal."""
        self._asked = asyncio.get_running_loop().create_future()
        try:
            await self._connection.send(line({"q": question}))
            return (await self._asked).r
        except asyncio.CancelledError:
            await self._say({"q": None})
            raise
        finally:
            self._asked = None
