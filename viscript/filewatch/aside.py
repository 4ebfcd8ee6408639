"""A call in a thread of its own that may hang for good, as a look at a dead network disk does.

Such a thread holds nothing up: neither who waits, beyond the deadline, nor the end of the program.
"""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(call: Callable[[], T], patience: float) -> T:
    """What the call answers or raises. Raises TimeoutError when it does not end in time."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        done: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            done.set_result(call())
        except Exception as exc:  # noqa: BLE001 (it is raised where the call is awaited)
            done.set_exception(exc)
        _tell(loop, lambda: _settle(future, done))

    threading.Thread(target=work, name="aside", daemon=True).start()
    async with asyncio.timeout(patience):
        return await future


def _settle(future: asyncio.Future[T], done: concurrent.futures.Future[T]) -> None:
    if future.done():
        return  # it took too long
    fault = done.exception()
    if fault is not None:
        future.set_exception(fault)
    else:
        future.set_result(done.result())


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(call)
