"""What tests of visors share."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest


@pytest.fixture
async def whole() -> AsyncIterator[None]:
    """No test leaves a descriptor open, and none hangs."""
    before = psutil.Process().num_fds()
    async with asyncio.timeout(30):
        yield
    assert psutil.Process().num_fds() == before
