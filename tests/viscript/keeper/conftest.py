"""Keepers of a test's own: real processes in scratch folders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.keeper import TestKeeper
from viscript.keeper.client import KeeperClient


@pytest.fixture
def keeper(short_tmp: Path) -> Iterator[TestKeeper]:
    """One that runs."""
    with TestKeeper(short_tmp) as keeper:
        keeper.start()
        yield keeper


@pytest.fixture(params=[False, True], ids=["linux", "portable"])
def any_keeper(short_tmp: Path, request: pytest.FixtureRequest) -> Iterator[TestKeeper]:
    """One that runs, on each host seam."""
    with TestKeeper(short_tmp, portable=request.param) as keeper:
        keeper.start()
        yield keeper


@pytest.fixture
def client(keeper: TestKeeper) -> KeeperClient:
    """Its daemon."""
    return keeper.client
