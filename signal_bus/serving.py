"""What a client does when the server asks: answers pings, runs methods, and ends when it is told to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from signal_bus import limits
from signal_bus.codec import Packet, encode
from signal_bus.envelope import Fault
from signal_bus.errors import RemoteError
from signal_bus.messages import (
    Body,
    Call,
    Cancel,
    Closing,
    Describe,
    Drained,
    Error,
    Prepare,
    Reload,
    Reloaded,
    Result,
    Shutdown,
)
from signal_bus.methods import Methods

log = logging.getLogger(__name__)

Hook = Callable[..., object]

_CALLS: Final = limits.REQUESTS_PER_CLIENT


class Serving:
    """Carries out the server's orders in tasks of the client's group."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self.methods = Methods()
        self.prepare_hooks: list[Hook] = []
        self.reload_hooks: list[Hook] = []
        self.shutdown_hooks: list[Hook] = []
        self.ending = asyncio.Event()  # we were asked to end
        self.ended = asyncio.Event()  # and our hooks have run
        self._send = send
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._ends_by = 0.0
        self._latest = 0.0
        self._bound: asyncio.Timeout | None = None

    def order(self, packet: Packet, tasks: asyncio.TaskGroup) -> bool:
        """Carry out one order; false when the message is none."""
        body, request = packet.body, packet.envelope.id
        if isinstance(body, Call):
            self._start_call(packet, body, tasks)
        elif isinstance(body, Cancel):
            if body.request in self._calls:
                self._calls[body.request].cancel()
        elif isinstance(body, Describe):
            self._reply(packet, self.methods.described())
        elif isinstance(body, Prepare):
            tasks.create_task(self._hooks_then(self.prepare_hooks, packet, Drained()))
        elif isinstance(body, Reload):
            tasks.create_task(self._hooks_then(self.reload_hooks, packet, Reloaded(), body.changes))
        elif isinstance(body, Shutdown):
            self._reply(packet, Closing())
            self._start_ending(body, tasks)
        else:
            return False
        log.debug("order=%s request=%s", packet.kind.tag, request)
        return True

    def cancel_calls(self) -> None:
        """The program leaves the bus: nobody waits for its methods any more."""
        for task in tuple(self._calls.values()):
            task.cancel()

    def extend(self, seconds: float) -> float:
        """Ask for more time to end, within the cap; gives the seconds there are now."""
        if self._bound is None:
            return 0.0
        self._ends_by = min(self._latest, max(self._ends_by, self._time() + seconds))
        self._bound.reschedule(self._ends_by)
        left = max(0.0, self._ends_by - self._time())
        self._send(encode(Closing(extend_s=left)))
        return left

    # Methods.

    def _start_call(self, packet: Packet, call: Call, tasks: asyncio.TaskGroup) -> None:
        request = packet.envelope.id
        if not request or request in self._calls:
            return
        if self.ending.is_set():
            self._fail(packet, Fault("ended", "this program is ending"))
        elif len(self._calls) >= _CALLS:
            self._fail(packet, Fault("busy", f"{_CALLS} calls are under way", retry=True))
        else:
            self._calls[request] = tasks.create_task(self._call(packet, call))

    async def _call(self, packet: Packet, call: Call) -> None:
        seconds = packet.envelope.dl / 1000 or limits.REQUEST_S
        try:
            async with asyncio.timeout(seconds):
                value = await self.methods.call(call.method, call.params)
            self._reply(packet, Result(value=value))
        except RemoteError as exc:
            self._fail(packet, Fault(exc.code, exc.text, exc.retry, exc.detail))
        except TimeoutError:
            self._fail(packet, Fault("timed-out", f"not done within {seconds:g} s"))
        except asyncio.CancelledError:
            self._fail(packet, Fault("cancelled", "given up by the asker"))
        except Exception as exc:  # a bug in one method must not end the program
            log.exception("method=%s failed", call.method)
            self._fail(packet, Fault("failed", f"{type(exc).__name__}: {exc}"[:1000]))
        finally:
            self._calls.pop(packet.envelope.id, None)

    # Hooks.

    async def _hooks_then(self, hooks: list[Hook], packet: Packet, answer: Body, *given: Any) -> None:
        """Run hooks in order, then answer; the first that fails is the answer instead."""
        for hook in hooks:
            try:
                await _run(hook, *given)
            except Exception as exc:  # a hook's fault is the server's to know, not the end of us
                log.exception("a %s hook failed", packet.kind.tag)
                self._fail(packet, Fault("failed", f"{type(exc).__name__}: {exc}"[:1000]))
                return
        self._reply(packet, answer)

    def _start_ending(self, order: Shutdown, tasks: asyncio.TaskGroup) -> None:
        if self.ending.is_set():
            return
        self.ending.set()
        self._ends_by = self._time() + order.deadline_s
        self._latest = self._time() + max(order.cap_s, order.deadline_s)
        tasks.create_task(self._end())

    async def _end(self) -> None:
        """Run the shutdown hooks, the newest first, within the time there is."""
        try:
            async with asyncio.timeout_at(self._ends_by) as self._bound:
                for hook in reversed(self.shutdown_hooks):
                    try:
                        await _run(hook)
                    except Exception:  # the other hooks still have their turn
                        log.exception("a shutdown hook failed")
        except TimeoutError:
            log.warning("shutdown hooks were not done in time")
        self._bound = None
        self.ended.set()

    # Answers.

    def _time(self) -> float:
        return asyncio.get_running_loop().time()

    def _reply(self, packet: Packet, body: Body) -> None:
        try:
            data = encode(body, packet.form, re=packet.envelope.id)
        except (TypeError, ValueError, RecursionError) as exc:  # a result that no form can carry
            self._fail(packet, Fault("failed", f"the result cannot be sent: {exc}"[:1000]))
            return
        if len(data) > limits.MESSAGE_BYTES:
            self._fail(packet, Fault("too-large", "the result is larger than a message may be"))
            return
        self._send(data)

    def _fail(self, packet: Packet, fault: Fault) -> None:
        self._send(encode(Error(), packet.form, re=packet.envelope.id, err=fault))


async def _run(hook: Hook, *given: Any) -> None:  # Any: what the hook takes
    result = hook(*given)
    if isinstance(result, Awaitable):
        await result
