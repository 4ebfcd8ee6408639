import asyncio
import os
import signal
import socket

import pytest

from components.mesh.service import StartError, bound, shown, stopping


def test_an_address_is_shown_as_it_can_be_dialled() -> None:
    with bound("127.0.0.1", 0) as listener:
        assert shown("127.0.0.1", listener) == f"127.0.0.1:{listener.getsockname()[1]}"
        assert shown("::1", listener).startswith("[::1]:")


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"cannot listen at 127.0.0.1:{port}: Address already in use"):
            bound("127.0.0.1", port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops(number: signal.Signals) -> None:
    loop = asyncio.get_running_loop()
    stop = stopping()
    try:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(10):
            await stop.wait()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
