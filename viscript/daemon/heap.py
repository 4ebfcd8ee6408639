"""Memory that the C library keeps for later, given back to the system; a start leaves some."""

import asyncio
import ctypes
from typing import Final

FIRST_S: Final = 5.0  # after the daemon came up
AGAIN_S: Final = 60.0

_trim: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it


def give_back() -> bool:
    """Give back what is free; a millisecond or two. False where the C library has no such call."""
    if _trim is None:
        return False
    _trim(0)
    return True


async def give_back_for_ever(first_s: float = FIRST_S, again_s: float = AGAIN_S) -> None:
    """Soon, and again and again. Returns at once where it cannot be done."""
    await asyncio.sleep(first_s)
    while True:
        if not give_back():
            return
        await asyncio.sleep(again_s)
