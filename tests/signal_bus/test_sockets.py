import socket
from pathlib import Path

import pytest
import zmq

from signal_bus.delegate import TcpDoor
from signal_bus.errors import CallerError, EndpointTaken
from signal_bus.server import SignalServer
from signal_bus.testing import RecordingDelegate, apps_endpoint, operators_endpoint, serving


async def test_each_door_has_its_mode_and_leaves_no_file(short_tmp: Path) -> None:
    async with serving(short_tmp):
        modes = {path.name: path.stat().st_mode & 0o777 for path in short_tmp.iterdir()}
        assert modes == {"apps.ipc": 0o666, "bus.ipc": 0o600, "events.ipc": 0o600}
    assert list(short_tmp.iterdir()) == []


async def test_a_live_server_is_not_robbed_of_its_door(short_tmp: Path) -> None:
    async with serving(short_tmp) as (first, _):
        with pytest.raises(EndpointTaken):
            async with serving(short_tmp):
                pass
        assert first.counters()["clients"] == 0
        assert (short_tmp / "apps.ipc").exists()


async def test_the_door_of_a_dead_server_is_taken_over(short_tmp: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short_tmp / "apps.ipc"))
        dead.listen()
    async with serving(short_tmp):
        assert (short_tmp / "apps.ipc").is_socket()


async def test_a_door_that_cannot_be_opened_closes_the_others(short_tmp: Path) -> None:
    server = SignalServer(
        home_id="x",
        apps_endpoint=apps_endpoint(short_tmp),
        operator_endpoint=f"ipc://{short_tmp}/missing/bus.ipc",
        delegate=RecordingDelegate(),
    )
    with pytest.raises(zmq.ZMQError):
        async with server:
            pass
    assert list(short_tmp.iterdir()) == []
    async with serving(short_tmp):
        assert operators_endpoint(short_tmp)


def test_a_tcp_door_is_never_without_encryption(short_tmp: Path) -> None:
    with pytest.raises(CallerError, match="always encrypted"):
        SignalServer(
            home_id="x",
            apps_endpoint=apps_endpoint(short_tmp),
            tcp=TcpDoor(endpoint="tcp://127.0.0.1:*"),
            delegate=RecordingDelegate(),
        )
