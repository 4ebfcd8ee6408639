"""Who answers in the place of an app, on this very host."""

import os
import socket
from pathlib import Path

from tests.support.supervision import supervision
from viscript.daemon.elsewhere import Elsewhere


async def test_another_app_that_holds_the_port_is_named_with_its_id(tmp_path: Path) -> None:
    async with supervision(tmp_path) as bench:
        bench.app("web")
        await bench.supervisor.start("web", wait=None)
        await bench.supervisor.start("web", wait=None)
        bench.held(1).pid = os.getpid()
        bench.held(2).pid = 1
        elsewhere = Elsewhere(bench.conductor, str(bench.folder))
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert await elsewhere(bench.held(1), "127.0.0.1", port) is None
            answerer = await elsewhere(bench.held(2), "127.0.0.1", port)
            assert await elsewhere(bench.held(2), "example.com", port) is None
            bench.held(2).pid = None
            assert await elsewhere(bench.held(2), "127.0.0.1", port) is None
    assert answerer is not None
    assert answerer.seq == 1
    assert answerer.text.startswith(f"port {port} is taken by ")
    assert answerer.text.endswith("which is [1] here")


async def test_whoever_holds_an_address_is_named_and_the_app_itself_is_not(tmp_path: Path) -> None:
    async with supervision(tmp_path) as bench:
        bench.app("web")
        await bench.supervisor.start("web", wait=None)
        bench.held(1).pid = 1
        elsewhere = Elsewhere(bench.conductor, str(bench.folder))
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            words = await elsewhere.holds(bench.held(1), f"127.0.0.1:{port}", "stream")
            bench.held(1).pid = os.getpid()
            assert await elsewhere.holds(bench.held(1), f"127.0.0.1:{port}", "stream") == ""
    assert words.startswith(f"port {port} is taken by ")
    assert f"(pid {os.getpid()})" in words
