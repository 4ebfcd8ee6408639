"""A process that holds one plugin: `python -P -m viscript.pluginhost.worker`, its socket on descriptor 0.

Plugin code runs on the main thread, where it may raise or block. A second thread reads the socket and ends
the process when the daemon closes it, whatever the plugin is doing. How long a plugin may take is the
daemon's to decide.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec

from viscript.errors import ExitCode, VerbError
from viscript.pluginhost import wire
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.loaded import Loaded
from viscript.pluginhost.spec import Answer
from viscript.pluginhost.verbcall import VerbCall

NICENESS: Final = 10  # a plugin that spins must not take the daemon's turn


class Worker:
    """Carries out what the daemon says, one plugin's worth."""

    def __init__(self, send: Callable[[wire.FromWorker], None]) -> None:
        self._send = send
        self._plugin: Loaded | None = None
        self._running: dict[int, asyncio.Task[None]] = {}
        self._asked: dict[int, asyncio.Future[Any]] = {}  # Any: plain data
        self._next = 0

    async def serve(self, inbox: asyncio.Queue[wire.ToWorker]) -> None:
        """Take messages for ever; verbs run beside each other, hooks one after the other."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._take(await inbox.get(), group)

    def _take(self, message: wire.ToWorker, group: asyncio.TaskGroup) -> None:
        match message:
            case wire.Load():
                self._load(message)
            case wire.Invoke(what="verb", id=number):
                self._running[number] = group.create_task(self._verb(message))
            case wire.Invoke():
                self._hook(message)
            case wire.Tell():
                self._tell(message)
            case wire.Cancel(id=number) if number in self._running:
                self._running[number].cancel()
            case wire.Reply():
                self._answered(message)

    def _load(self, message: wire.Load) -> None:
        try:
            self._plugin = Loaded(message.source, message.settings)
            self._send(wire.LoadedOk(registration=self._plugin.registration))
        except PluginError as fault:
            self._send(wire.Broken(trouble=trouble(fault)))

    def _hook(self, message: wire.Invoke) -> None:
        argument = {"viscript_resolve_target": "target", "viscript_state_store": "url"}.get(message.what)
        given = {argument: message.text} if argument else {}
        try:
            value = self._loaded().call(message.what, **given)
            self._done(message.id, value=value)
        except PluginError as fault:
            self._done(message.id, failed=trouble(fault))

    def _tell(self, message: wire.Tell) -> None:
        failed = None
        for event in message.events:
            try:
                self._loaded().call("viscript_event", event=event)
            except PluginError as fault:
                failed = trouble(fault)
        self._done(message.id, failed=failed)

    async def _verb(self, message: wire.Invoke) -> None:
        try:
            handler = self._loaded().handlers[message.text]
            call = VerbCall(message.call or wire.CallData(args={}), _Asking(self, message.id))
            self._done(message.id, value=as_answer(await handler(call)))
        except VerbError as error:
            self._done(message.id, failed=refusal(error))
        except asyncio.CancelledError:
            self._done(message.id, failed=wire.Trouble(text="interrupted", code=ExitCode.INTERRUPTED))
        except BaseException as exc:  # noqa: BLE001 (plugin code raises anything; only this verb fails)
            self._done(message.id, failed=trouble(PluginError.raised(f"verb {message.text}", exc)))
        finally:
            self._running.pop(message.id, None)

    async def ask(self, invoke: int, what: str, value: object) -> Any:  # Any: plain data
        """Ask the daemon something inside an invoke. Raises `VerbError` when it refuses."""
        self._next += 1
        number = self._next
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._send(wire.Ask(re=invoke, id=number, what=what, value=value))  # type: ignore[arg-type]  # VerbCall names it
            return await answer
        finally:
            del self._asked[number]

    def _answered(self, reply: wire.Reply) -> None:
        waiting = self._asked.get(reply.re)
        if waiting is None or waiting.done():
            return  # the verb was cancelled meanwhile
        if reply.trouble is None:
            waiting.set_result(reply.value)
        else:
            waiting.set_exception(error_of(reply.trouble))

    def _done(self, number: int, *, value: object = None, failed: wire.Trouble | None = None) -> None:
        try:
            self._send(wire.Done(re=number, value=value, trouble=failed))
        except wire.WireError as exc:
            self._send(
                wire.Done(re=number, trouble=wire.Trouble(text=f"answered what is {exc}", raised=True))
            )

    def _loaded(self) -> Loaded:
        if self._plugin is None:
            raise PluginError("the plugin is not loaded")
        return self._plugin


class _Asking:
    """The way from one verb handler to the daemon."""

    def __init__(self, worker: Worker, invoke: int) -> None:
        self._worker = worker
        self._invoke = invoke

    async def ask(self, what: str, value: object) -> Any:  # Any: plain data
        """Do `what` at the daemon's side. Raises `VerbError`."""
        return await self._worker.ask(self._invoke, what, value)


def as_answer(value: object) -> Answer:
    """What a handler returned, in its long form."""
    return value if isinstance(value, Answer) else Answer(data=value)


def trouble(fault: PluginError) -> wire.Trouble:
    """A bug of the plugin, as data."""
    return wire.Trouble(text=fault.text, raised=True, traceback=fault.traceback)


def refusal(error: VerbError) -> wire.Trouble:
    """An error raised on purpose, as data."""
    return wire.Trouble(
        text=error.text,
        code=error.code,
        detail=error.detail,
        suggestions=error.suggestions,
        data=_plain(error.data),
    )


def error_of(data: wire.Trouble) -> VerbError:
    """The error such data stands for."""
    codes = frozenset(ExitCode)
    code = ExitCode(data.code) if data.code in codes else ExitCode.FAILED
    return VerbError(code, data.text, detail=data.detail, suggestions=data.suggestions, data=data.data)


def _plain(data: object) -> Any:  # Any: plain data
    """The data of an error where it can be told; the error itself must come through whatever it holds."""
    try:
        return msgspec.to_builtins(data, str_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None


def _read(
    connection: socket.socket, loop: asyncio.AbstractEventLoop, inbox: asyncio.Queue[wire.ToWorker]
) -> None:
    """Hand every line to the loop; leave with the daemon. The only reader of the connection."""
    with connection.makefile("rb") as lines:
        for line in lines:
            loop.call_soon_threadsafe(inbox.put_nowait, wire.decode_to_worker(line))
    os._exit(0)


async def _run(connection: socket.socket) -> None:
    lock = threading.Lock()

    def send(message: wire.FromWorker) -> None:
        with lock:
            connection.sendall(wire.encode(message))

    inbox: asyncio.Queue[wire.ToWorker] = asyncio.Queue()  # bounded by the daemon: it has few requests open
    reader = threading.Thread(target=_read, args=(connection, asyncio.get_running_loop(), inbox), daemon=True)
    reader.start()
    await Worker(send).serve(inbox)


def main() -> None:
    """Serve the daemon at the other end of descriptor 0, until it goes."""
    connection = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.nice(NICENESS)
    asyncio.run(_run(connection))


if __name__ == "__main__":
    main()
