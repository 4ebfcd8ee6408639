"""The node manager as a process: its arguments, with and without a daemon, and a state that is taken."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from components.mesh.keys import hex66
from components.mesh.services import Services
from components.node_manager.command import FILE, main, parse, read_allowed
from signal_bus.delegate import BaseDelegate
from signal_bus.ids import Generation, SeqId
from signal_bus.server import SignalServer
from tests.support.manager import link, node, person

COMMAND = (sys.executable, "-P", "-m", "components.node_manager")
ONE, TWO = person(1), person(2)


def test_the_command_line_says_where_and_what(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"# ours\n\n{ONE.public_key.hex()}  # one\n{hex66(TWO.public_key)}\n")
    words = f"--listen [::1]:7 --state {tmp_path} --only finder,services --name A.example --allow {keys}"
    options = parse(words.split(), {})
    assert (options.place.host, options.place.port) == ("::1", 7)
    assert options.place.names == {"a.example"}
    assert options.place.allowed == frozenset({ONE.public_key, TWO.public_key})
    assert (options.state, options.only) == (tmp_path, ("finder", "services"))
    assert parse([], {}).place.port == 9091


def test_what_is_known_is_kept_where_the_daemon_says() -> None:
    assert parse([], {}).state is None
    assert parse([], {"VISCRIPT_STATE": "s"}).state == Path("s")
    assert parse(["--state", "own"], {"VISCRIPT_STATE": "s"}).state == Path("own")


@pytest.mark.parametrize("words", ["--listen x", "--only other", "--allow /nowhere/at/all", "--what"])
def test_wrong_arguments_end_it_with_code_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words.split())
    assert caught.value.code == 2
    assert "node-manager: error: " in capsys.readouterr().err


def test_a_line_that_is_no_key_is_told_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("\nnonsense\n")
    with pytest.raises(ValueError, match="keys:2: 'nonsense' is no public key"):
        read_allowed(tmp_path / "keys")


def test_a_state_that_cannot_be_had_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--listen", "127.0.0.1:0", "--state", str(tmp_path / "file")]) == 1
    assert f"node-manager: {tmp_path}/file/{FILE}: " in capsys.readouterr().err


@asynccontextmanager
async def running(*words: str, **environ: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The real program and its address; ended after the block."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VISCRIPT_", "SIGNAL_"))}
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "--listen",
        "127.0.0.1:0",
        *words,
        env={**own, "PYTHONPATH": os.getcwd(), **environ},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("node-manager: listening at 127.0.0.1:")
        yield process, f"http://{line.split()[-1]}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_was_registered_survives_a_kill(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path))
    async with running(*state) as (process, url), Services(ONE, [url]) as services:
        assert await services.register_transports([link(ONE, TWO)]) == 1
        process.kill()
        await process.wait()
    async with running(*state) as (process, url), Services(ONE, [url]) as services:
        assert len(await services.all_transports()) == 1
        assert await services.register_transports([link(ONE, TWO)]) == 1
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0


class Home(BaseDelegate):
    """Hears who is ready, and events."""

    def __init__(self) -> None:
        self.endpoints: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.events: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue()

    def ready(self, seq: SeqId, generation: Generation, endpoints: dict[str, str]) -> None:
        self.endpoints.put_nowait(endpoints)

    def event(self, seq: SeqId, generation: Generation, topic: str, data: Mapping[str, Any]) -> None:
        self.events.put_nowait((topic, data))


async def test_it_tells_the_bus_and_ends_when_asked(short_tmp: Path) -> None:
    home = Home()
    endpoint = f"ipc://{short_tmp}/apps.ipc"
    seven = SeqId(7)
    server = SignalServer(home_id="h", apps_endpoint=endpoint, delegate=home)
    given = {"VISCRIPT_ENDPOINT": endpoint, "VISCRIPT_SEQ": "7", "VISCRIPT_GENERATION": "1"}
    async with server, running(**given) as (process, url), asyncio.timeout(40):
        assert await home.endpoints.get() == {"http": url.removeprefix("http://")}
        (offer,) = server.services.find(kind="node-manager", now=0.0)
        assert offer.address == url
        async with Services(ONE, [url]) as services:
            await services.register_node(node(ONE))
        topic, data = await home.events.get()
        assert (topic, data["what"]) == ("mesh.node", "entered")
        told = await server.call(seven, "summarize", None, 5.0)
        assert isinstance(told, dict)
        assert told["nodes"] == 1
        await server.shutdown(seven, 5.0)
        assert await process.wait() == 0
