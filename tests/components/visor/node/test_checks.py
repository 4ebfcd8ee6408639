from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from components.visor.node.answers import Answers
from tests.support.nodes import Mesh, mesh, row


@pytest.fixture
async def made(short_tmp: Path) -> AsyncIterator[Mesh]:
    async with mesh(short_tmp) as whole:
        yield whole


async def test_what_is_wrong_is_found_by_the_check(made: Mesh) -> None:
    one, _ = await row(made, 2)
    lines = {line["check"]: line for line in await Answers(one).mesh_check()}
    assert lines["links"]["status"] == "pass"
    assert lines["directory"]["status"] == lines["setup"]["status"] == lines["messengers"]["status"] == "warn"
    await one.links.add((await made.node()).key, "127.0.0.1:1")
    lines = {line["check"]: line for line in await Answers(one).mesh_check()}
    assert lines["links"]["status"] == "warn"
    assert "1 of 2 are down" in lines["links"]["text"]
