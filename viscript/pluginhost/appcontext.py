"""What an `@app` function is given: who it is, its settings, the bus, and the wish to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a plugin that only registers must not load the bus
    from signal_bus.client import SignalClient


class AppContext:
    """The first argument of an `@app` function."""

    def __init__(
        self, name: str, *, settings: Mapping[str, Any] | None = None, bus: SignalClient | None = None
    ) -> None:
        self.name = name
        self.settings = dict(settings or {})
        self._bus = bus
        self._stop = asyncio.Event()
        self.heeds = False  # a function that never looks has to be cancelled

    @property
    def bus(self) -> SignalClient:
        """The signal bus. Raises `RuntimeError` when the app was started by hand, without a daemon."""
        if self._bus is None:
            raise RuntimeError(f"{self.name} was started by hand: there is no bus")
        return self._bus

    @property
    def supervised(self) -> bool:
        """Whether a daemon started this app."""
        return self._bus is not None

    @property
    def stopping(self) -> bool:
        """Whether the app was asked to stop."""
        self.heeds = True
        return self._stop.is_set()

    async def stopped(self) -> None:
        """Wait until the app is asked to stop; clean up after it and return."""
        self.heeds = True
        await self._stop.wait()

    async def asked(self) -> None:
        """For the runner: wait for the wish to stop, without heeding it for the app."""
        await self._stop.wait()

    def stop(self) -> None:
        """Ask the app to stop."""
        self._stop.set()
