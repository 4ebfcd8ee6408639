"""A socket that somebody removed or replaced is noticed."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from viscript.daemon.reachable import until_lost


def replace(path: Path) -> None:
    (path.parent / "new").touch()
    (path.parent / "new").rename(path)


@pytest.mark.parametrize("lose", [Path.unlink, replace])
async def test_the_lost_one_is_named(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        path.touch()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        watch = group.create_task(until_lost([str(path) for path in paths], every=0.001))
        await asyncio.sleep(0.01)
        assert not watch.done()
        lose(paths[1])
        assert await watch == str(paths[1])
