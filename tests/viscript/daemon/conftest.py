"""A supervisor in memory for the tests of what surrounds it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.supervision import Bench, supervision


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """All parts of a supervisor, over a keeper without processes."""
    async with supervision(tmp_path) as bench:
        yield bench
