"""Joins the bus, then stops itself for good: whatever is sent to it piles up."""

import asyncio
import os
import signal

from signal_bus.client import SignalClient


async def join_and_stop() -> None:
    async with SignalClient.from_env() as bus:
        await bus.ready()
        os.kill(os.getpid(), signal.SIGSTOP)
        await bus.stopped()


asyncio.run(join_and_stop())
