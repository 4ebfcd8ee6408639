"""Who is here: one presence session a key, the newest. A key that says nothing for a while is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from components.mesh.channel import ControlChannel, Method, Nothing
from components.mesh.errors import MeshError
from components.mesh.relay_wire import LIVENESS_S
from components.mesh.session import Session
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

REPLACED_S: Final = 1.0  # for the older session to hear that it was replaced

# Runs beside a client while it is here, and ends with it.
Beside = Callable[[ControlChannel], Awaitable[None]]


class Presences:
    """The clients that are here."""

    def __init__(self, *, limit: int, liveness_s: float = LIVENESS_S) -> None:
        self.limit = limit
        self.liveness_s = liveness_s
        self._here: dict[PublicKey, ControlChannel] = {}

    def __len__(self) -> int:
        return len(self._here)

    def of(self, key: PublicKey) -> ControlChannel | None:
        """The channel to a client, if it is here."""
        return self._here.get(key)

    def here(self) -> tuple[PublicKey, ...]:
        """Who is here."""
        return tuple(self._here)

    def has_room(self, key: PublicKey) -> bool:
        """Whether one more may come; who is here already takes its own place."""
        return key in self._here or len(self._here) < self.limit

    async def stay(
        self, session: Session, methods: Mapping[str, Method], beside: Beside | None = None
    ) -> None:
        """Keep a proven client here until it leaves, falls silent or is replaced by a newer session."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.liveness_s) as deadline:

                async def ping(_: Nothing) -> None:
                    if not deadline.expired():
                        deadline.reschedule(loop.time() + self.liveness_s)

                async with ControlChannel(session, {**methods, "ping": Method(Nothing, ping)}) as here:
                    await self._present(here, beside)

    async def _present(self, here: ControlChannel, beside: Beside | None) -> None:
        older = self._here.get(here.peer)
        self._here[here.peer] = here
        log.info("came peer=%s clients=%d", here.peer.hex(), len(self))
        try:
            await _replace(older)
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(_guarded(beside, here)) if beside else None
                await here.ended.wait()
                if task:
                    task.cancel()
        finally:
            if self._here.get(here.peer) is here:
                del self._here[here.peer]
            log.info("left peer=%s clients=%d", here.peer.hex(), len(self))


async def _replace(older: ControlChannel | None) -> None:
    """Tell an older session of the same key that it is over, and end it."""
    if older is None:
        return
    with suppress(MeshError):
        await older.call("replaced", None, Nothing, deadline_s=REPLACED_S)
    older.end("a newer session of the same key came")


async def _guarded(beside: Beside, here: ControlChannel) -> None:
    try:
        await beside(here)
    except MeshError as exc:
        here.end(str(exc))
    except Exception:  # a bug in it ends this client's session, nobody else's
        log.exception("serving peer=%s failed", here.peer.hex())
        here.end("internal")
