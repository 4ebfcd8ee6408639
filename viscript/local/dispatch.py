"""Runs a client verb: parsed and rendered exactly as the daemon does it, only the work is done here.

A module of this package that does such work has a function `answer(client, call)`; it is a coroutine where
it writes rows before it is done. Nothing in it waits for the event loop, so none is started: the coroutine
of the verb runs to its end in one go.
"""

import dataclasses
import importlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from viscript import oneshot
from viscript.local import BUILT_IN
from viscript.local.client import Client
from viscript.render.writer import ReaderGoneError
from viscript.verbs.core import builtin
from viscript.verbs.run import Context
from viscript.verbs.run import run as run_command
from viscript.verbs.table import Call, Outcome, Table, Terminal

T = TypeVar("T")


class _Screen:
    """A sink that writes at once."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def out(self, text: str) -> None:
        """Text for stdout."""
        with _told():
            self._client.screen.say(text)

    async def err(self, text: str) -> None:
        """Text for stderr."""
        with _told():
            self._client.screen.complain(text)


@contextmanager
def _told() -> Iterator[None]:
    """A fault of the caller's output is none of the verb's."""
    try:
        yield
    except OSError as exc:
        raise ReaderGoneError(str(exc)) from exc


def run(client: Client, argv: list[str]) -> int:
    """Run one client verb; the exit code. Raises `OSError` where the caller's output cannot be written."""
    screen = client.screen
    context = Context(
        table=_table(client, argv),
        world=None,
        sink=_Screen(client),
        terminal=Terminal(
            out=screen.out,
            err=screen.err,
            into=screen.into,
            columns=screen.columns,
            colour=screen.colour,
            ascii=screen.ascii,
        ),
        cwd=client.cwd(),
        mode=client.mode,
        environ=client.environ,
    )
    try:
        return int(_to_its_end(run_command(argv, context)).code)
    except ReaderGoneError as exc:
        raise exc.__cause__ or exc from None


def _table(client: Client, argv: list[str]) -> Table:
    """The verb table, in which the verb of this command is done by its module."""
    table = builtin()
    module = oneshot.local_module(argv)
    if module and module != BUILT_IN:
        words = oneshot.verb_words(argv)
        verb = table.get(" ".join(words[:2])) or table.get(words[0])
        if verb:
            table.remove(verb.name)
            table.add(dataclasses.replace(verb, handler=_handler(client, module)))
    return table


def _handler(client: Client, module: str) -> Callable[[Call], Coroutine[Any, Any, Outcome]]:
    async def handler(call: Call) -> Outcome:
        work = importlib.import_module(f"viscript.local.{module}")
        answered: Outcome | Coroutine[Any, Any, Outcome] = work.answer(client, call)
        return answered if isinstance(answered, Outcome) else await answered

    return handler


def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("a client verb waited for the event loop, which does not run here")
