"""Which socket an address means, and patience with a visor that is still starting."""

import asyncio
import socket
from pathlib import Path

import pytest

from components.visor.apps import server
from components.visor.sdk.errors import Misuse, NoVisor
from components.visor.sdk.reach import path_of, reach

HOME = {"VISCRIPT_HOME": "/h"}


def test_an_address_is_an_argument_a_variable_or_the_usual_place() -> None:
    assert path_of("/a/b", HOME) == Path("/a/b")
    assert path_of(None, {**HOME, "VISCRIPT_VISOR": "/v"}) == Path("/v")
    assert path_of(None, HOME) == Path("/h/state/visor/app.sock")
    assert path_of("127.0.0.1:5505", HOME) == Path("/h/state/visor/port-5505.sock")


def test_other_addresses_are_refused_with_a_reason() -> None:
    with pytest.raises(Misuse, match="another host"):
        path_of("192.0.2.1:5505", HOME)
    with pytest.raises(Misuse, match="write a path"):
        path_of("nonsense", HOME)


async def test_a_visor_that_comes_late_is_waited_for(short_tmp: Path) -> None:
    path = short_tmp / "app.sock"
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        reaching = group.create_task(reach(path, 5))
        await asyncio.sleep(0)
        listener = server.listen(path)
        (await reaching).close()
    listener.close()


async def test_a_path_that_nobody_serves_is_said_at_once(short_tmp: Path) -> None:
    with pytest.raises(NoVisor, match="VISCRIPT_VISOR"):
        await reach(short_tmp / ("x" * 120) / "none", 0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(short_tmp / "d"))
        with pytest.raises(NoVisor, match="wrong type"):
            await reach(short_tmp / "d", 5)
