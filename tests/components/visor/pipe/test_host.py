"""Real pipe apps, run by real hosts over app servers in this process: calls, chats, exits, faults."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from components.visor.app import App
from components.visor.pipe.frame import IDS, Addr, Cutter, Type, encode, to_json
from components.visor.pipe.host import Host
from tests.support.appnet import Net, joined
from tests.support.mesh import ALICE, BOB

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = ROOT / "tests" / "e2e" / "programs" / "pipe_peer.py"
KEY_A, KEY_B = "02" + ALICE.name, "02" + BOB.name


@pytest.fixture(autouse=True)
def strays(no_strays: None) -> None:
    return


@pytest.fixture
async def net(short_tmp: Path) -> AsyncIterator[Net]:
    peer = short_tmp / "peer"
    peer.write_text(f"#!{sys.executable}\n{PROGRAM.read_text()}")
    peer.chmod(0o755)
    async with asyncio.timeout(60), joined(short_tmp) as made:
        yield made


async def host(where: Path, *words: str, port: int = 0, log: bool = True) -> asyncio.subprocess.Process:
    """A host with the peer program at a visor."""
    options = ["--visor", str(where), "--port", str(port), *([] if log else ["--no-log-arg"]), "--"]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *["-P", "-m", "components.visor.pipe", *options, str(where.parent.parent / "peer"), *words],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(where.parent.parent)},  # a killed host leaves its scratch folder
        stderr=subprocess.PIPE,
    )


@asynccontextmanager
async def serving(net: Net, where: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A host with the peer that answers."""
    process = await host(where, "serve", port=port)
    server = (net.alice if where == net.here else net.bob).server
    assert server is not None
    while server._node.ports.listener(port) is None:
        assert process.returncode is None, await process.communicate()
        await asyncio.sleep(0.01)
    yield process
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    await process.communicate()


async def told(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    _, said = await process.communicate()
    return process.returncode, said.decode()


async def test_ping_gets_its_pong_on_another_host_and_on_the_same(net: Net) -> None:
    async with serving(net, net.there, 10), serving(net, net.here, 10):
        for key in (KEY_B, KEY_A):
            code, said = await told(await host(net.here, "ping", key, "10", log=False))
            assert code == 0, said


async def test_messages_keep_their_bounds(net: Net) -> None:
    texts = ["hello", "x" * 30_000, "a", "b", "€"]
    async with serving(net, net.there, 1):
        code, said = await told(await host(net.here, "chat", KEY_B, "1", *texts))
        assert code == 0, said


async def test_many_at_once_are_all_accepted(net: Net) -> None:
    async with serving(net, net.there, 1), App.connect(str(net.here)) as app:
        streams = [await app.dial(BOB.public_key, 1) for _ in range(20)]
        for number, stream in enumerate(streams):
            stream.write(b"\0\1" + bytes([number]))
        for number, stream in enumerate(streams):
            assert await stream.readexactly(3) == b"\0\1" + bytes([number])
            stream.close()


async def test_megabytes_go_through_in_order(net: Net) -> None:
    size, started = 8 << 20, time.monotonic()
    async with serving(net, net.there, 1):
        code, said = await told(await host(net.here, "bulk", KEY_B, "1", str(size)))
        assert code == 0, said
    assert time.monotonic() - started < 60


async def test_the_exit_code_is_the_apps(net: Net) -> None:
    assert (await told(await host(net.here, "exit", "7")))[0] == 7


async def test_a_dial_to_nobody_is_a_failure_with_its_reason(net: Net) -> None:
    code, said = await told(await host(net.here, "ping", KEY_B, "99"))
    assert code == 1
    assert "nobody listens on port 99" in said


async def test_the_app_dies_with_its_host(net: Net) -> None:
    async with serving(net, net.there, 1) as process:
        process.kill()
        await process.wait()


async def test_without_a_visor_or_a_program_it_says_so(net: Net, short_tmp: Path) -> None:
    code, said = await told(await host(net.here, "exit", "0", port=1 << 20))
    assert code == 69
    assert "no port" in said
    (short_tmp / "peer").unlink()
    code, said = await told(await host(net.here, "exit", "0"))
    assert code == 126
    assert "No such file" in said


async def test_with_its_visor_the_app_ends(net: Net) -> None:
    async with serving(net, net.there, 1) as process:
        assert net.bob.server is not None
        for app in net.bob.server.apps:
            app.close("the visor ends")
        assert (await told(process))[0] == 9  # what the peer program says at the end of its pipe


async def test_an_app_that_only_dials_ends_with_its_visor_too(net: Net) -> None:
    async with App.connect(str(net.there)) as app, app.listen(1) as silent:
        process = await host(net.here, "ping", KEY_B, "1")
        async with await silent.accept():
            assert net.alice.server is not None
            for one in net.alice.server.apps:
                one.close("the visor ends")
            assert (await told(process))[0] != 0  # it may hear of its connection first


CALM = """\
import os, struct
body = b'{"app-name":"calm","app-version":"1","protocol-version":"0.0.1"}'
os.write(4, struct.pack(">HBB", len(body) + 2, 0, 0) + body)
while os.read(3, 100):
    pass
"""


async def test_an_end_that_was_the_visors_is_no_success(net: Net, short_tmp: Path) -> None:
    (short_tmp / "peer").write_text(f"#!{sys.executable}\n{CALM}")
    async with serving(net, net.there, 1) as process:
        assert net.bob.server is not None
        for app in net.bob.server.apps:
            app.close("the visor ends")
        assert (await told(process))[0] == 69


async def test_a_stop_goes_on_to_the_app(net: Net) -> None:
    async with serving(net, net.there, 1) as process:
        process.send_signal(signal.SIGTERM)
        assert (await told(process))[0] == 128 + signal.SIGTERM


class Undecided:
    """A visor's app whose dials never come to an end."""

    key = ALICE.public_key

    def __init__(self) -> None:
        self.dialled = 0

    async def dial(self, *_: object, **__: object) -> None:
        self.dialled += 1
        await asyncio.Event().wait()


async def test_an_app_that_dials_beyond_its_ids_is_refused() -> None:
    app, (read, tell), (hear, write) = Undecided(), os.pipe(), os.pipe()
    os.write(tell, encode(Type.INIT, 0, b'{"app-name":"x","app-version":"1","protocol-version":"0.0.1"}'))
    dial = to_json(Addr(KEY_B, 1))
    for id in range(IDS + 2):
        os.write(tell, encode(Type.CREATE_LOOP, id % 256, dial))
    os.close(tell)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        await Host(app, tasks, read, write).run()  # type: ignore[arg-type]
    with os.fdopen(hear, "rb") as answers:
        cutter = Cutter()
        cutter.feed(answers.read())
        refused = [frame for frame in cutter.frames() if frame.type == Type.FAILURE]
    assert [b"more than 256 connections" in frame.body for frame in refused] == [True]
