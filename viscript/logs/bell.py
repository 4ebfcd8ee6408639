"""A bell: whoever waits for new output is woken the moment the keeper tells of some."""

import asyncio


class Bell:
    """Any number of listeners; a ring between `listen` and `heard` is not missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake all who listen."""
        self._event.set()
        self._event = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """The event of the next ring. Take it first, look for output then, and wait for it last."""
        return self._event


async def heard(event: asyncio.Event | None, timeout: float) -> bool:
    """Wait for a ring, at most `timeout` seconds; whether there was one."""
    if event is None:
        await asyncio.sleep(timeout)
        return False
    try:
        async with asyncio.timeout(timeout):
            return await event.wait()
    except TimeoutError:
        return False
