import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from components.mesh.errors import Refused
from components.mesh.ports import MeshPort
from components.mesh.roster import Messenger as Where
from components.mesh.services import Services
from components.mesh.session import dial
from components.mesh.whereabouts import messenger
from components.messenger.program import main
from signal_bus.delegate import BaseDelegate
from signal_bus.ids import Generation, PublicKey, SeqId
from signal_bus.server import SignalServer
from tests.support.manager import managing
from tests.support.mesh import ALICE, BOB
from tests.support.messengers import client, until

COMMAND = (sys.executable, "-P", "-m", "components.messenger", "--listen", "127.0.0.1:0", "--state")


@asynccontextmanager
async def program(
    state: Path, *words: str, **environ: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Where]]:
    """The real messenger; ended after the block."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VISCRIPT_", "SIGNAL_"))}
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        str(state),
        *words,
        env={**own, "PYTHONPATH": os.getcwd(), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode().split()
        host, port = line[-1].split(":")
        yield process, Where(PublicKey(bytes.fromhex(line[1])), (host, int(port)))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


async def test_it_runs_without_a_daemon_until_sigterm(tmp_path: Path) -> None:
    async with program(tmp_path / "state") as (process, where):
        async with client(ALICE, [where]) as alice:
            assert list(alice.present) == [where]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    assert (tmp_path / "state" / "identity").stat().st_mode & 0o777 == 0o600


async def test_one_killed_or_frozen_is_left_for_the_other(tmp_path: Path) -> None:
    async with (
        program(tmp_path / "a") as (one, first),
        program(tmp_path / "b") as (_, second),
        client(BOB, [first, second], keep=1) as bob,
    ):
        assert list(bob.present) == [first]
        one.send_signal(signal.SIGSTOP)
        await until(lambda: list(bob.present) == [second])
        one.send_signal(signal.SIGCONT)
        bob.use([first])
        await until(lambda: list(bob.present) == [first])
        bob.use([first, second])
        one.kill()
        await until(lambda: list(bob.present) == [second])


async def test_it_is_entered_at_a_node_manager(tmp_path: Path) -> None:
    async with managing(tmp_path / "n") as manager:
        words = ("--discovery", manager.url)
        async with program(tmp_path / "m", *words) as (process, where):
            async with Services(ALICE, [manager.url]) as services, asyncio.timeout(20):
                while not (found := await services.servers()):
                    await asyncio.sleep(0.02)
            assert messenger(found[0]) == where
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                assert await process.wait() == 0


class Home(BaseDelegate):
    """Knows who is ready."""

    def __init__(self) -> None:
        self.endpoints: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    def ready(self, seq: SeqId, generation: Generation, endpoints: dict[str, str]) -> None:
        self.endpoints.put_nowait(endpoints)


async def test_it_is_a_signal_client_and_reads_its_list_again(short_tmp: Path) -> None:
    home, seven = Home(), SeqId(7)
    endpoint, friends = f"ipc://{short_tmp}/apps.ipc", short_tmp / "friends"
    friends.write_text(ALICE.public_key.hex())
    server = SignalServer(home_id="h", apps_endpoint=endpoint, delegate=home)
    given = {"VISCRIPT_ENDPOINT": endpoint, "VISCRIPT_SEQ": "7", "VISCRIPT_GENERATION": "1"}
    async with server, program(short_tmp / "s", "--allow", str(friends), **given) as (process, where):
        async with asyncio.timeout(20):
            endpoints = await home.endpoints.get()
        assert endpoints == {"mesh": f"127.0.0.1:{where.address[1]}", "key": where.key.hex()}
        (offer,) = server.services.find(kind="messenger", now=0.0)
        assert offer.address == f"{where.key.hex()}@127.0.0.1:{where.address[1]}"
        described = repr(await server.describe(seven))
        assert all(name in described for name in ("clients", "channels", "quota"))
        async with client(ALICE, [where]):
            assert await server.call(seven, "clients", None, 5.0) == [ALICE.public_key.hex()]
        with pytest.raises(Refused, match="not-allowed"):
            await dial(where.address, BOB, where.key, MeshPort.PRESENCE)
        friends.write_text("nonsense")
        await server.reload(seven, {}, 5.0)
        friends.write_text(BOB.public_key.hex())
        await server.reload(seven, {}, 5.0)
        (await dial(where.address, BOB, where.key, MeshPort.PRESENCE)).close()
        await server.shutdown(seven, 5.0)
        async with asyncio.timeout(10):
            assert await process.wait() == 0


@pytest.mark.parametrize("fault", ["address", "list", "key", "state"])
def test_what_cannot_be_had_is_told(fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key"
    key.write_text("no key")
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        words, told = {
            "address": (["--listen", taken], f"cannot listen at {taken}: Address already in use"),
            "list": (["--allow", "nobody"], "--allow: 1: 'nobody' is no public key"),
            "key": (["--identity", str(key)], "others may read it"),
            "state": (["--state", str(key)], f"{key}: File exists"),
        }[fault]
        assert main(["--listen", "127.0.0.1:0", "--state", str(tmp_path / "s"), *words]) == 1
    assert capsys.readouterr().err.startswith(f"messenger: {told}") or fault == "key"


def test_words_that_mean_nothing_are_a_usage_error() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--what"])
