import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
import zmq

from signal_bus.client import SignalClient
from signal_bus.codec import encode
from signal_bus.environment import Settings
from signal_bus.errors import CallerError, Unreachable
from signal_bus.ids import CurveKey
from signal_bus.messages import Ping
from signal_bus.reactor import Sent, Socket
from signal_bus.testing import apps_endpoint, serving, until
from signal_bus.tokens import curve_of
from signal_bus.wire import Wire, keys_for, probe


@pytest.mark.parametrize("endpoint", ["ipc:///nowhere/apps.ipc", "tcp://127.0.0.1:1", "tcp://127.0.0.1"])
async def test_nobody_there_is_known_at_once(endpoint: str) -> None:
    started = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        await probe(endpoint)
    assert time.monotonic() - started < 5
    assert caught.value.endpoint == endpoint


@pytest.mark.parametrize("host", ["a..b:7791", f"{'a' * 64}:7791", ".:1", "127.0.0.1:99999"])
async def test_what_can_be_no_address_is_nobody_there(host: str) -> None:
    with pytest.raises(Unreachable, match="this is no address"):
        await probe(f"tcp://{host}")


async def test_an_endpoint_that_libzmq_does_not_take_is_nobody_there() -> None:
    context: zmq.Context[Socket] = zmq.Context()
    with pytest.raises(Unreachable):
        Wire(context, "tcp://]:7791", None, lambda data: None)
    context.term()


async def test_a_listener_with_a_full_backlog_is_somebody(short_tmp: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf, socket.socket(socket.AF_UNIX) as filler:
        deaf.bind(str(short_tmp / "deaf"))
        deaf.listen(0)
        filler.connect(str(short_tmp / "deaf"))
        await probe(f"ipc://{short_tmp}/deaf")


async def test_the_end_of_a_connection_is_told(short_tmp: Path) -> None:
    context: zmq.Context[Socket] = zmq.Context()
    received: list[bytes] = []
    async with serving(short_tmp):
        wire = Wire(context, apps_endpoint(short_tmp), None, received.append)
        assert wire.send(encode(Ping())) is Sent.OK
        await until(lambda: received)
        assert not wire.lost.is_set()
    await until(wire.lost.is_set)
    wire.close()
    wire.close()
    assert wire.send(b"x") is Sent.GONE
    context.term()


async def test_the_monitor_is_off_before_nobody_reads_it(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round, libzmq waits for ever where the connection ends just then."""
    context: zmq.Context[Socket] = zmq.Context()
    wire = Wire(context, f"ipc://{short_tmp}/nobody", None, lambda data: None)
    read_at_the_end: list[bool] = []
    turned_off = zmq.Socket.disable_monitor

    def noted(socket: Socket) -> None:
        read_at_the_end.append(not wire._monitor.closed)
        turned_off(socket)

    monkeypatch.setattr(zmq.Socket, "disable_monitor", noted)
    wire.close()
    assert read_at_the_end[0]
    assert wire._monitor.closed
    context.term()


async def test_a_message_of_several_frames_is_dropped(short_tmp: Path) -> None:
    context: zmq.Context[Socket] = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(apps_endpoint(short_tmp))
    received: list[bytes] = []
    wire = Wire(context, apps_endpoint(short_tmp), None, received.append)
    wire.send(b"hello")
    await until(lambda: router.poll(0))
    who = router.recv_multipart()[0]
    router.send_multipart([who, b"one", b"two"])
    router.send_multipart([who, b"three"])
    await until(lambda: received)
    assert received == [b"three"]
    wire.close()
    router.close(linger=0)
    context.term()


def test_tcp_is_never_without_keys(tmp_path: Path) -> None:
    plain = Settings(endpoint="tcp://127.0.0.1:1", identity=str(tmp_path / "identity"))
    with pytest.raises(CallerError, match="server's key"):
        keys_for(plain)
    keys = keys_for(replace(plain, server_key=CurveKey(b"k" * 32)))
    assert keys is not None
    assert keys.server == b"k" * 32
    assert keys.own.public != keys.own.secret
    assert keys_for(replace(plain, endpoint="ipc:///x")) is None


def test_the_key_of_a_token_comes_before_that_of_the_host(tmp_path: Path) -> None:
    token = "ab" * 32
    launched = Settings(
        endpoint="tcp://h:1", token=token, server_key=CurveKey(b"k" * 32), identity=str(tmp_path / "identity")
    )
    keys = keys_for(launched)
    assert keys is not None
    assert keys.own == curve_of(token)
    assert not (tmp_path / "identity").exists()
    with pytest.raises(CallerError, match="no token"):
        keys_for(replace(launched, token="half a token"))


async def test_a_client_without_keys_is_told_so_on_entering() -> None:
    with pytest.raises(CallerError):
        await SignalClient(Settings(endpoint="tcp://127.0.0.1:1")).__aenter__()
