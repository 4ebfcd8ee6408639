"""Two apps at two visors of one net; a test file says what net."""

from collections.abc import AsyncIterator

import pytest

from components.visor.app import App
from tests.support.appnet import Net


@pytest.fixture
async def near(net: Net) -> AsyncIterator[App]:
    async with App.connect(str(net.here), name="near") as app:
        yield app


@pytest.fixture
async def far(net: Net) -> AsyncIterator[App]:
    async with App.connect(str(net.there), name="far") as app:
        yield app
