"""The process as it listens: the parts that were asked for, and an address that is taken."""

import socket

import pytest

from components.node_manager.desk import Desk
from components.node_manager.site import ListenError, Place, listening
from components.node_manager.store import Store
from tests.support.manager import managing


async def test_a_part_that_was_not_asked_for_is_not_there() -> None:
    async with managing(only=["finder"]) as manager:
        assert (await manager.ask("GET", "/api/services"))[0] == 404
        assert (await manager.ask("POST", "/routes", {}))[0] == 400
        assert (await manager.ask("GET", "/health"))[1] == {
            "service": "node-manager",
            "parts": ["finder"],
            "transports": 0,
            "nodes": 0,
            "services": 0,
        }


async def test_a_taken_port_is_told_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        desk = Desk(Store(None), lambda: 0.0)
        with pytest.raises(ListenError, match=f"cannot listen at 127.0.0.1:{port}: Address already in use"):
            async with listening(desk, Place(host="127.0.0.1", port=port)):
                pass
