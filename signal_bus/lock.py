"""A lock of the whole cluster: one program at a time holds it, wherever it runs.

    async with bus.lock("nightly", wait_s=60) as lock:
        write(..., fence=lock.fence)

The lock belongs to this run of the program, under its host's lease on the cluster's store. When the host
loses that, the program is ended (SIGTERM after 6 s, SIGKILL after 8) before another can have the lock; its
restart policy decides what then. `fence` is higher than that of everybody who had the lock before: who takes
orders from its holder refuses a lower one than he has seen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from signal_bus.errors import BusError, TimedOut
from signal_bus.messages import Fence, Lease

ASK_S: Final = 0.5  # between two questions while another has it

Ask = Callable[[Lease], Awaitable[Fence]]


class Lock:
    """Entering waits for it, `wait_s` seconds at most.

    Raises `TimedOut`; `RemoteError` where hosts share no store.
    """

    def __init__(self, name: str, ask: Ask, wait_s: float | None = None) -> None:
        self.name = name
        self.fence = 0  # while it is ours
        self.holder = ""  # who had it when we asked last
        self._ask = ask
        self._wait_s = wait_s

    async def held(self) -> bool:
        """Whether it is ours now, as this host knows."""
        answer = await self._ask(Lease(name=self.name))
        self.fence, self.holder = answer.fence, answer.holder
        return self.fence > 0

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(self._wait_s):
                while not await self.held():  # noqa: ASYNC110 (who has it tells nobody here)
                    await asyncio.sleep(ASK_S)
        except BaseException as exc:
            await self._release()
            if isinstance(exc, TimeoutError) and self._wait_s is not None:
                raise TimedOut(f"lock {self.name}", self._wait_s) from None
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._release()

    async def _release(self) -> None:
        self.fence = 0
        with suppress(BusError):  # it is not ours when we are gone
            await self._ask(Lease(name=self.name, release=True))
