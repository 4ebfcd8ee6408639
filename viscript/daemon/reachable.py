"""Whether our sockets still are where others look for them: who cleans up takes their names away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Final

LOOK_SECONDS: Final = 2.0


async def until_lost(paths: Sequence[str], every: float = LOOK_SECONDS) -> str:
    """The first of the paths that is gone or stands for another file than now."""
    known = {path: _identity(path) for path in paths}
    while True:
        await asyncio.sleep(every)
        for path, before in known.items():
            if _identity(path) != before:
                return path


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 (as cheap as can be: it happens for ever)
    except OSError:
        return None
    return found.st_dev, found.st_ino
