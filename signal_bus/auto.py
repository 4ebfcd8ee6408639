"""`import signal_bus.auto`: one line, and this program is on the bus. Without a daemon it does nothing.

A daemon thread with its own loop joins, beats, answers pings, and joins again when the connection breaks. It
never raises into the program and never prints.

When the daemon asks the program to end, the main thread gets a real SIGTERM, which also interrupts what it
waits in. A program with its own SIGTERM handler is ended by that. For any other, importing this module
installs one that raises `SystemExit(0)`: `finally` blocks and `atexit` functions run, the exit code is 0.

A forked child is not the program: it has no thread and stays off the bus. So does a process that the server
refuses, such as a second Python in one app's tree.
"""

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

__all__: list[str] = []

log = logging.getLogger(__name__)

_FAREWELL_S = 1.0  # what the end of the program may wait for the goodbye


class _Membership:
    """The thread, and how to end it."""

    def __init__(self) -> None:
        self._leave = threading.Event()
        self._wake: Callable[[], object] = _nothing
        self._thread = threading.Thread(target=self._run, name="signal-bus", daemon=True)

    def start(self) -> None:
        """Begin; what is imported for it is imported in the thread, so the program does not wait."""
        self._thread.start()
        atexit.register(self.stop)
        os.register_at_fork(after_in_child=self._forget)

    def stop(self) -> None:
        """Say bye, within a bound."""
        self._leave.set()
        self._wake()
        if self._thread is not threading.current_thread():
            self._thread.join(_FAREWELL_S)

    def _forget(self) -> None:
        """In a forked child: the thread does not exist here."""
        atexit.unregister(self.stop)

    def _run(self) -> None:
        try:
            import asyncio

            asyncio.run(self._member())
        except Exception as exc:  # noqa: BLE001 (the program must not suffer from its supervision)
            log.debug("off the bus: %s", exc)

    async def _member(self) -> None:
        import asyncio

        from signal_bus.client import SignalClient

        loop = asyncio.get_running_loop()
        leave = asyncio.Event()
        self._wake = lambda: loop.is_closed() or loop.call_soon_threadsafe(leave.set)
        bus = SignalClient.from_env(name=(sys.argv[0] or "").rpartition("/")[2], patience=None)
        bus.on_shutdown(_end_program)
        async with bus:
            if not self._leave.is_set():
                await leave.wait()


def _nothing() -> None:
    """There is nobody to wake yet."""


def _end_program() -> None:
    signal.pthread_kill(_main().ident or 0, signal.SIGTERM)


def _main() -> threading.Thread:
    return threading.main_thread()


def _exit_quietly(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _start() -> None:
    supervised = os.environ.get("VISCRIPT_ENDPOINT") or os.environ.get("SIGNAL_CLIENT") == "1"
    if not supervised:
        return
    if threading.current_thread() is _main() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit_quietly)
    # Else logging's last resort would print our warnings on the program's stderr.
    logging.getLogger("signal_bus").addHandler(logging.NullHandler())
    _Membership().start()


_start()
