"""The terminal as a process's work: where it listens, what it tells, and a visor that goes and returns."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.visor.app import UnknownName
from plugins.terminal import options
from plugins.terminal.server import Server
from signal_bus.identity import Identity, draw
from tests.support.nodes import link, mesh, until
from tests.support.shells import shells, surroundings

JOE = Identity(draw()).public_key.hex()


async def test_it_listens_where_the_seed_did_and_where_ssh_looks(short_tmp: Path) -> None:
    async with shells(short_tmp) as made:
        for port in (2, 22):
            async with made.connected(port) as connection:
                assert (await connection.run("echo hi")).stdout == "hi\n"
        await until(lambda: made.server.status()["served"] == 2)  # counted once the client was told
        status = made.server.status()
        assert status["ports"] == [2, 22]
        assert status["name"] == "there"
        assert status["host_key"].startswith("SHA256:")
        assert status["allowed"] == sorted([made.near.key.hex(), made.far.key.hex()])


async def test_it_waits_for_a_visor_that_goes(short_tmp: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with shells(short_tmp) as made:
        async with made.connected() as connection:
            await connection.create_process("sleep 60")
            await made.mesh.end(made.far.key)
            connection.abort()  # its visor may still hope for the other
        await until(lambda: made.server.status()["open"] == 0)
        await until(lambda: "waiting for the visor" in caplog.text)
        made.far = await made.node_again()
        await link(made.near, made.far)
        await until(lambda: "the visor is back" in caplog.text)
        async with made.connected() as connection:
            assert (await connection.run("echo again")).stdout == "again\n"


async def test_who_may_come_is_said_by_key_or_by_label(short_tmp: Path) -> None:
    async with mesh(short_tmp) as made:
        node, mike = await made.node(), Identity(draw()).public_key
        node.book.name(mike, "mike")
        server = Server(options.server(["x", str(node.options.app_socket), "--allow", f"mike,{JOE}"]))
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            task = group.create_task(server.run(lambda places: ready.set()))
            await ready.wait()
            assert server.status()["allowed"] == sorted([mike.hex(), JOE, node.key.hex()])
            task.cancel()
        with pytest.raises(UnknownName, match="joe"):
            await Server(options.server(["x", str(node.options.app_socket), "--allow", "joe"])).run(print)


def test_what_stops_it_from_starting_is_one_sentence(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        argv = [sys.executable, "-P", "-m", "plugins.terminal.server", *words]
        environ = surroundings(VISCRIPT_STATE=str(tmp_path / "state"))
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=30, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr

    code, said = run("shell0", "101.202.34.56:9000", "8001")
    assert code == 1
    assert "101.202.34.56:9000 is an address of another host" in said
    assert (tmp_path / "state" / "ssh_host_key").exists()
    assert run("--host-key", os.devnull)[0] == 1
    assert run("a", "b", "c")[0] == 2
