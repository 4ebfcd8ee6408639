"""The watch over apps with limits, put together."""

from pathlib import Path

import pytest

from tests.support.supervision import supervision
from viscript.daemon.limited import limiting
from viscript.home import find_home


@pytest.mark.parametrize("environ", [{}, {"VISCRIPT_PORTABLE": "1"}])
async def test_a_home_without_apps_is_watched_too(tmp_path: Path, environ: dict[str, str]) -> None:
    home = find_home({"VISCRIPT_HOME": str(tmp_path)})
    async with supervision(tmp_path) as bench:
        await limiting(home, environ, bench.conductor, bench.keeper, bench.events).look(0.0)
    assert bench.types() == []
