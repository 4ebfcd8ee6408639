import socket
import time
from pathlib import Path

import pytest
import zmq

from signal_bus import limits
from signal_bus.binding import bind_ipc, bind_tcp, bound_to, bounded_socket, clear_stale, curve_router
from signal_bus.errors import EndpointTaken
from signal_bus.identity import Identity
from signal_bus.reactor import Socket

CURVE = Identity(bytes(range(32))).curve()


@pytest.fixture
def context() -> "zmq.Context[Socket]":
    made: zmq.Context[Socket] = zmq.Context()
    return made


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.ipc").write_text("precious")
    with pytest.raises(EndpointTaken):
        clear_stale(f"ipc://{tmp_path}/a.ipc")
    assert (tmp_path / "a.ipc").read_text() == "precious"


def test_a_socket_that_somebody_listens_on_is_left_alone(short_tmp: Path) -> None:
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(short_tmp / "a.ipc"))
        live.listen()
        with pytest.raises(EndpointTaken):
            clear_stale(f"ipc://{short_tmp}/a.ipc")
    clear_stale(f"ipc://{short_tmp}/a.ipc")
    assert not (short_tmp / "a.ipc").exists()
    clear_stale("tcp://127.0.0.1:1")


def test_a_socket_has_its_bounds(context: "zmq.Context[Socket]") -> None:
    with context, bounded_socket(context, zmq.DEALER) as made:
        assert (made.maxmsgsize, made.sndhwm) == (limits.MESSAGE_BYTES, limits.QUEUE_MESSAGES)


async def test_a_taken_port_is_waited_for_and_then_said(
    context: "zmq.Context[Socket]",
) -> None:
    with context, socket.create_server(("127.0.0.1", 0)) as other:
        endpoint = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(zmq.ZMQError, match="in use"):
            await bind_tcp(lambda: curve_router(context, "peers", CURVE), endpoint, time.monotonic, 0.05)


async def test_an_address_that_is_not_ours_is_said_at_once(context: "zmq.Context[Socket]") -> None:
    with context, pytest.raises(zmq.ZMQError):
        await bind_tcp(lambda: curve_router(context, "peers", CURVE), "tcp://192.0.2.1:1", time.monotonic)


async def test_a_door_of_any_port_tells_which_it_got(context: "zmq.Context[Socket]") -> None:
    with context:
        made = await bind_tcp(
            lambda: curve_router(context, "peers", CURVE), "tcp://127.0.0.1:*", time.monotonic
        )
        assert int(bound_to(made).rpartition(":")[2]) > 0
        made.close()


def test_a_socket_file_has_its_mode_and_what_is_no_file_has_none(
    context: "zmq.Context[Socket]", short_tmp: Path
) -> None:
    with context, bounded_socket(context, zmq.ROUTER) as made, bounded_socket(context, zmq.ROUTER) as other:
        path = bind_ipc(made, f"ipc://{short_tmp}/a.ipc", 0o600)
        assert path is not None
        assert path.stat().st_mode & 0o777 == 0o600
        assert bind_ipc(other, "inproc://here", 0o600) is None
        with pytest.raises(zmq.ZMQError):
            bind_ipc(bounded_socket(context, zmq.ROUTER), f"ipc://{short_tmp}/missing/a.ipc", 0o600)
