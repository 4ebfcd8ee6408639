"""A plugin in a process of its own: asked with a deadline, ended when idle, killed when it does not answer.

The process lives while it is needed: for loading, for a hook or verb and half a minute after, and all the
time when the plugin hears events. A process that died is started again at the next call; the third death in
a row is the last.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from viscript.errors import ExitCode, VerbError
from viscript.events import Event
from viscript.pluginhost import wire
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.holder import Hook, Tally, traced
from viscript.pluginhost.process import Process
from viscript.pluginhost.source import Source
from viscript.pluginhost.spec import Answer, Registration
from viscript.pluginhost.verbcall import Port
from viscript.pluginhost.worker import error_of, refusal

log = logging.getLogger(__name__)

HOOK_S: Final = 5.0
CANCEL_S: Final = 5.0
IDLE_S: Final = 30.0
EVENTS_KEPT: Final = 1000
EVENTS_AT_ONCE: Final = 100
ASKS_OPEN: Final = 200
DEATHS: Final = 3

Inbox = asyncio.Queue[wire.Ask | wire.Done]


class Remote:
    """One third-party plugin. Tasks run in the group of the host; `changed` is called when it fails."""

    def __init__(
        self,
        source: Source,
        settings: Mapping[str, object],
        group: asyncio.TaskGroup,
        changed: Callable[[], None],
        *,
        hook_s: float = HOOK_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self.tally = Tally()
        self._source = source
        self._settings = dict(settings)
        self._group = group
        self._changed = changed
        self._hook_s = hook_s
        self._idle_s = idle_s
        self._load_s = 10.0
        self._process: Process | None = None
        self._starting = asyncio.Lock()
        self._loading: asyncio.Future[Registration] | None = None
        self._open: dict[int, Inbox] = {}
        self._next = 0
        self._deaths = 0
        self._idle: asyncio.TimerHandle | None = None
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._telling = False
        self._hears = False
        self._closed = False

    # -- loading

    async def load(self, deadline_s: float) -> Registration:
        """Import and register in a fresh process. Raises `PluginError`."""
        self._load_s = deadline_s
        registration = await self._start()
        self._hears = "viscript_event" in registration.hooks
        self._rest()
        return registration

    async def _start(self) -> Registration:
        """Spawn and load, within the deadline, or leave nothing behind."""
        try:
            async with asyncio.timeout(self._load_s):
                process = self._process = await self._spawn()
                self._loading = asyncio.get_running_loop().create_future()
                self._group.create_task(self._read(process, self._loading))
                process.send(wire.Load(source=self._source, settings=self._settings))
                return await asyncio.shield(self._loading)
        except TimeoutError:
            await self._drop()
            raise PluginError(f"it did not load within {self._load_s:g} s") from None
        except OSError as exc:
            raise PluginError(f"no process for it: {exc.strerror}") from exc
        except BaseException:
            await self._drop()
            raise

    async def _spawn(self) -> Process:
        """A fresh worker. Raises `PluginError` when the plugin was unloaded meanwhile."""
        process = await Process.spawn()
        if self._closed:
            await process.end()
            raise PluginError(f"plugin {self._source.name} was unloaded")
        return process

    async def _read(self, process: Process, loading: asyncio.Future[Registration]) -> None:
        """Hand out what one process says until it is gone. The only reader of its socket."""
        reason = ""
        try:
            while (message := await process.receive()) is not None:
                self._deliver(message, loading)
        except wire.WireError as exc:
            reason = f"it broke the protocol: {exc}"
        epitaph = await process.end()
        if self._process is process:
            self._process = None
            self._mourn(reason or epitaph)
        if not loading.done():
            loading.set_exception(PluginError(reason or epitaph))
            loading.exception()  # somebody may have stopped waiting for it

    def _deliver(self, message: wire.FromWorker, loading: asyncio.Future[Registration]) -> None:
        match message:
            case wire.LoadedOk() if not loading.done():
                loading.set_result(message.registration)
            case wire.Broken() if not loading.done():
                fault = PluginError(message.trouble.text, traceback=message.trouble.traceback)
                loading.set_exception(fault)
                loading.exception()
            case wire.Ask() | wire.Done() if message.re in self._open:
                inbox = self._open[message.re]
                if inbox.qsize() >= ASKS_OPEN:
                    raise wire.WireError(f"more than {ASKS_OPEN} requests at once")
                inbox.put_nowait(message)
            case _:
                pass  # late: nobody waits for it any more

    def _mourn(self, reason: str) -> None:
        """The process died by itself: tell those who wait, and count."""
        self._deaths += 1
        self._lost(reason)
        if self._deaths >= DEATHS:
            self._fail(f"it died {DEATHS} times in a row, {reason}")

    def _lost(self, reason: str) -> None:
        """Nobody will answer what is open."""
        trouble = wire.Trouble(text=reason, raised=True)
        for number, inbox in self._open.items():
            inbox.put_nowait(wire.Done(re=number, trouble=trouble))

    # -- calling

    async def hook(self, name: Hook, text: str = "") -> Any:  # Any: plain data
        """Call one hook that answers. Raises `PluginError`."""
        self._next += 1
        done = await self._ask(name, wire.Invoke(id=self._next, what=name, text=text), self._hook_s)
        return done.value

    async def verb(self, name: str, call: wire.CallData, port: Port) -> Answer:
        """Run a verb's handler for as long as its caller waits. Raises `VerbError`."""
        self._next += 1
        message = wire.Invoke(id=self._next, what="verb", text=name, call=call)
        try:
            done = await self._request(message, None, port)
            return msgspec.convert(done.value, Answer)
        except PluginError as fault:
            text = f"verb {name} of plugin {self._source.name} failed: {fault.text}"
            raise VerbError(ExitCode.FAILED, text) from fault

    async def _ask(self, hook: str, message: wire.Invoke | wire.Tell, deadline_s: float) -> wire.Done:
        """One hook call with its deadline; what goes wrong is tallied. Raises `PluginError`."""
        self.tally.check(self._source.name)
        started = time.monotonic()
        try:
            done = await self._request(message, deadline_s, None)
        except TimeoutError:
            self._fail(f"{hook} did not answer within {deadline_s:g} s")
            await self._drop()
            raise PluginError(self.tally.failed) from None
        except PluginError as fault:
            self.tally.went_wrong(hook, fault)
            if self.tally.failed:
                self._fail(self.tally.failed)
            raise
        finally:
            traced(self._source.name, hook, started)
        self.tally.went_well(hook)
        return done

    async def _request(
        self, message: wire.Invoke | wire.Tell, deadline_s: float | None, port: Port | None
    ) -> wire.Done:
        """Send, serve the asks that come back, return the end of it."""
        process = await self._running()
        inbox = self._open[message.id] = asyncio.Queue()
        process.send(message)
        try:
            async with asyncio.timeout(deadline_s):
                done = await self._attend(process, inbox, port)
        except BaseException:
            self._abandon(process, message.id)
            raise
        self._close_request(message.id)
        self._deaths = 0 if done.trouble is None else self._deaths
        if done.trouble is None:
            return done
        if done.trouble.raised:
            raise PluginError(done.trouble.text, traceback=done.trouble.traceback)
        raise error_of(done.trouble)

    async def _attend(self, process: Process, inbox: Inbox, port: Port | None) -> wire.Done:
        while isinstance(message := await inbox.get(), wire.Ask):
            process.send(await _answer(message, port))
        return message

    def _abandon(self, process: Process, number: int) -> None:
        """Nobody waits any more: cancel, and end the process if even that is not heard."""
        process.send(wire.Cancel(id=number))

        def check() -> None:
            inbox = self._open.get(number)
            heard = inbox is None or any(isinstance(one, wire.Done) for one in _drain(inbox))
            self._close_request(number)
            if not heard and self._process is process:
                self._fail(f"it did not end a cancelled verb within {CANCEL_S:g} s")
                self._group.create_task(self._drop())

        asyncio.get_running_loop().call_later(CANCEL_S, check)

    def _close_request(self, number: int) -> None:
        self._open.pop(number, None)
        self._rest()

    async def _running(self) -> Process:
        """The process, started again if it is away. Raises `PluginError`."""
        self.tally.check(self._source.name)
        if self._idle is not None:
            self._idle.cancel()
        async with self._starting:
            if self._process is None:
                await self._start()
        if self._process is None:
            raise PluginError("its process ended at once")
        return self._process

    # -- events

    def tell(self, event: Event) -> None:
        """Queue an event; when the plugin is too slow the oldest is dropped and counted."""
        if self.tally.failed or self._closed:
            return
        if len(self._events) == EVENTS_KEPT:
            self.tally.dropped += 1
        self._events.append(event)
        if not self._telling:
            self._telling = True
            self._group.create_task(self._tell())

    async def _tell(self) -> None:
        """Pass on what is queued, in order."""
        try:
            while self._events and not self.tally.failed and not self._closed:
                batch = tuple(self._events.popleft() for _ in range(min(EVENTS_AT_ONCE, len(self._events))))
                self._next += 1
                try:
                    await self._ask("viscript_event", wire.Tell(id=self._next, events=batch), self._hook_s)
                except (PluginError, VerbError) as fault:
                    log.warning("plugin=%s hook=viscript_event: %s", self._source.name, fault)
        finally:
            self._telling = False

    # -- ending

    def _rest(self) -> None:
        """Arm the idle end, unless the plugin is at work or hears events."""
        if self._idle is not None:
            self._idle.cancel()
        if self._process is None or self._open or self._hears:
            return
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(self._idle_s, lambda: self._group.create_task(self._drop()))

    def _fail(self, reason: str) -> None:
        """Never call it again."""
        self.tally.give_up(reason)
        log.warning("plugin=%s failed: %s", self._source.name, self.tally.failed)
        self._changed()

    async def _drop(self) -> None:
        """End the process on purpose."""
        process, self._process = self._process, None
        if process is not None:
            self._lost("its process was ended")
            await process.end()

    async def close(self) -> None:
        """End what runs for the plugin; it is not used again."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        await self._drop()


async def _answer(ask: wire.Ask, port: Port | None) -> wire.Reply:
    """Do what a handler asks for."""
    try:
        if port is None:
            raise VerbError(ExitCode.FAILED, f"{ask.what} is for verbs only")
        return wire.Reply(re=ask.id, value=await port.ask(ask.what, ask.value))
    except VerbError as error:
        return wire.Reply(re=ask.id, trouble=refusal(error))


def _drain(inbox: Inbox) -> list[wire.Ask | wire.Done]:
    return [inbox.get_nowait() for _ in range(inbox.qsize())]
