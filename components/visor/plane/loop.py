"""All the data plane asks of an event loop; an asyncio loop has it, a worker's own epoll loop can."""

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """It is not made any more."""


class Loop(Protocol):
    """Readiness of descriptors, calls at the end of this turn, calls later."""

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        """Call each turn while `fd` can be read."""

    def remove_reader(self, fd: int) -> bool:
        """Do not any more."""

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        """Call each turn while `fd` can be written."""

    def remove_writer(self, fd: int) -> bool:
        """Do not any more."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> object:
        """Call in the next turn."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call after `delay` seconds."""

    def time(self) -> float:
        """Monotonic seconds."""
