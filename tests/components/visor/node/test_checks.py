"""Broken networks of real nodes and services: each yields the line that says what is wrong and where."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.mesh.roster import Messenger
from components.visor.links import manager
from components.visor.node import checks, probes
from components.visor.node.answers import Answers
from components.visor.node.around import Around
from components.visor.node.checks import Check
from components.visor.node.node import Node
from signal_bus.errors import RemoteError
from signal_bus.identity import Identity, draw
from tests.support.nodes import Mesh, link, mesh, row, until

WITHIN_S = 5.0


@pytest.fixture
async def made(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mesh]:
    monkeypatch.setattr(manager, "GOODBYE_S", 0.05)  # nobody is there to say it to
    async with mesh(short_tmp) as whole:
        yield whole


async def lines_of(node: Node) -> dict[str, dict[str, Any]]:
    """What `mesh check` says, by check; each that does not pass has a fix."""
    async with asyncio.timeout(WITHIN_S):
        lines = await Answers(node).mesh_check()
    assert all(line["fix"] for line in lines if line["status"] != "pass")
    assert all("\n" not in line["text"] for line in lines)
    return {line["check"]: line for line in lines}


async def failed(node: Node) -> dict[str, Any]:
    """The one line that fails."""
    (line,) = [line for line in (await lines_of(node)).values() if line["status"] == "fail"]
    return line


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """The URL of something that says this to whoever asks."""

    here: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # whoever asked may be gone
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
    for writer in here:  # who has not said what it wants is not waited for
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def frozen(*module: str) -> AsyncIterator[str]:
    """The address of a real program that stopped moving while it listens."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VISCRIPT_", "SIGNAL_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", *module, "--listen", "127.0.0.1:0"),
        env={**own, "PYTHONPATH": os.getcwd()},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            address = (await process.stdout.readline()).decode().rpartition(" ")[2].strip()
        process.send_signal(signal.SIGSTOP)
        yield address
    finally:
        process.kill()
        await process.wait()


async def test_a_network_that_is_whole_passes(made: Mesh) -> None:
    await made.serve_manager()
    await made.serve_setup_node()
    await made.serve_messenger()
    one, _ = await row(made, 2)
    await until(lambda: one.relay.present)
    services = one.network.services
    assert services is not None
    async with asyncio.timeout(15):
        while (await lines_of(one))["directory"]["status"] != "pass":
            await asyncio.sleep(0.02)
    assert {line["status"] for line in (await lines_of(one)).values()} == {"pass"}


async def test_what_is_not_there_is_a_warning_with_a_fix(made: Mesh) -> None:
    one = await made.node()
    lines = await lines_of(one)
    warned = [name for name, line in lines.items() if line["status"] == "warn"]
    assert warned == ["links", "directory", "setup", "messengers"]
    assert lines["links"]["fix"] == "viscript tp add KEY@HOST:PORT"


# -- broken networks


async def test_a_dead_node_manager(made: Mesh) -> None:
    url = await made.serve_manager()
    one, _ = await row(made, 2)
    await made.end(url)
    line = await failed(one)
    assert (line["check"], line["text"]) == ("directory", f"{url}: Connection refused")
    assert "viscript why node-manager" in line["fix"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
        b"SSH-2.0-Other\r\nwhat do you want\r\n",
        b"",
    ],
)
async def test_a_node_manager_that_answers_with_garbage(made: Mesh, answer: bytes) -> None:
    async with answering(answer) as url:
        made.around = replace(made.around, managers=(url,))
        one, _ = await row(made, 2)
        line = await failed(one)
    assert line["check"] == "directory"
    assert url in line["text"]


async def test_a_frozen_node_manager(made: Mesh) -> None:
    async with frozen("components.node_manager") as address:
        made.around = replace(made.around, managers=(f"http://{address}",))
        one, _ = await row(made, 2)
        line = await failed(one)
    assert line["check"] == "directory"
    assert f"http://{address}" in line["text"]
    assert "within 3 s" in line["text"]


async def test_a_node_manager_that_does_not_take_our_entry(made: Mesh) -> None:
    url = await made.serve_manager(allowed=frozenset())
    one, _ = await row(made, 2)
    await until(lambda: one.unannounced)
    line = await failed(one)
    assert line["check"] == "directory"
    assert line["text"].startswith(
        f"{url}: node: entry of public key is not found; our entry was not taken: "
    )
    assert line["fix"] == f"there: put {one.key.hex()} on the list of `--allow`"


async def test_a_node_that_messengers_reach_has_a_moment_to_be_told_of(
    made: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made.serve_manager(allowed=frozenset())
    one, _ = await row(made, 2)
    await until(lambda: one.unannounced)
    monkeypatch.setattr(one, "advertised", tuple)
    monkeypatch.setattr(checks, "YOUNG_S", 3600.0)
    line = next(line for line in await checks.run(one) if line.check == "directory")
    assert (line.status, line.fix) == ("warn", "look again in a moment")
    monkeypatch.setattr(checks, "YOUNG_S", 0.0)
    assert (await failed(one))["check"] == "directory"


async def test_a_dead_setup_node(made: Mesh) -> None:
    key = await made.serve_setup_node()
    one, _ = await row(made, 2)
    await one.ask_setup(key, 5.0)
    await made.end(key)
    line = await failed(one)
    assert line["check"] == "setup"
    assert line["text"].startswith("{}@{}:{}".format(key.hex()[:12], *(made.around.setup_nodes[key] or ())))
    assert "Connection refused" in line["text"]


async def test_a_setup_node_that_the_peer_does_not_allow(made: Mesh) -> None:
    await made.serve_manager()
    key = await made.serve_setup_node()
    one, between = await row(made, 2)
    made.around = replace(made.around, setup_nodes={Identity(draw()).public_key: ("127.0.0.1", 1)})
    other = await made.node()
    await link(between, other)
    async with asyncio.timeout(15):
        while not one.refusals.recent(one.router.loop.time()):
            with suppress(RemoteError):  # the route finder learns of the links first
                await Answers(one).ping(other.key.hex())
    line = await failed(one)
    assert line["check"] == "routes"
    peer = other.key.hex()[:12]
    assert line["text"] == f"no route to {peer}: {peer} says: this node takes no orders from this key"
    assert line["fix"] == f"at {peer}: add {key.hex()} to `setup_nodes`"


async def test_the_only_peer_is_gone(made: Mesh) -> None:
    one, other = await row(made, 2)
    assert other.address is not None
    where = "{}:{}".format(*other.address)
    await made.end(other.key)
    await until(lambda: not one.links.by_peer(other.key))
    line = await failed(one)
    assert line["check"] == "links"
    assert line["text"].startswith(f"all 1 links are down: {other.key.hex()[:12]} at {where}: ")
    assert other.key.hex()[:12] in line["fix"]


async def test_a_dead_messenger(made: Mesh) -> None:
    messenger = await made.serve_messenger()
    one, _ = await row(made, 2)
    await until(lambda: one.relay.present)
    await made.end(messenger.key)
    line = await failed(one)
    assert line["check"] == "messengers"
    assert line["text"] == "{}:{}: Connection refused".format(*messenger.address)


async def test_all_services_hang_and_the_answer_is_there_in_time(made: Mesh) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never says a word
        address = silent.getsockname()
        key = Identity(draw()).public_key
        made.around = Around(("http://{}:{}".format(*address),), {key: address}, (Messenger(key, address),))
        one, _ = await row(made, 2)
        lines = await lines_of(one)
    for name in ("directory", "setup", "messengers"):
        assert lines[name]["status"] == "fail"
        assert "{}:{}".format(*address) in lines[name]["text"]


async def test_a_messenger_that_lets_only_others_in(made: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    messenger = await made.serve_messenger(allow=frozenset())
    one, _ = await row(made, 2)
    line = (await lines_of(one))["messengers"]
    assert (line["status"], line["fix"]) == ("warn", "look again in a moment")
    monkeypatch.setattr(checks, "YOUNG_S", 0.0)
    line = await failed(one)
    assert line["check"] == "messengers"
    assert line["text"] == f"all 1 answer, and none keeps this node: {messenger.key.hex()[:12]}"
    assert one.key.hex() in line["fix"]


async def test_a_setup_node_that_serves_only_others(made: Mesh) -> None:
    key = await made.serve_setup_node(allowed=frozenset())
    one, _ = await row(made, 2)
    line = await failed(one)
    assert line["check"] == "setup"
    assert line["text"].endswith("this setup node serves other keys only")
    assert (key.hex()[:12] in line["text"], line["fix"]) == (True, f"there: --allow {one.key.hex()}")


async def test_an_entry_that_was_not_told_yet_is_a_warning(made: Mesh) -> None:
    await made.serve_manager()
    one, _ = await row(made, 2)
    services = one.network.services
    assert services is not None
    async with asyncio.timeout(15):
        while (await lines_of(one))["directory"]["status"] != "pass":
            await asyncio.sleep(0.02)
    await services.remove_node()
    line = (await lines_of(one))["directory"]
    assert (line["status"], line["fix"]) == ("warn", "look again in a moment")


# -- some are good


async def test_one_good_service_of_two_is_a_warning(made: Mesh) -> None:
    url = await made.serve_manager()
    await made.serve_setup_node()
    await made.serve_messenger()
    nobody = ("127.0.0.1", 1)
    around = made.around
    made.around = replace(
        around,
        managers=(*around.managers, "http://127.0.0.1:1"),
        setup_nodes={**around.setup_nodes, Identity(draw()).public_key: nobody},
        messengers=(*around.messengers, Messenger(Identity(draw()).public_key, nobody)),
    )
    one, _ = await row(made, 2)
    async with asyncio.timeout(15):
        while url in (await lines_of(one))["directory"]["text"]:
            await asyncio.sleep(0.02)
    lines = await lines_of(one)
    for name in ("directory", "setup", "messengers"):
        assert lines[name]["status"] == "warn"
        assert lines[name]["text"].startswith("1 of 2 ")
        assert "127.0.0.1:1: Connection refused" in lines[name]["text"]


async def test_some_links_that_are_down_are_a_warning(made: Mesh) -> None:
    one, _ = await row(made, 2)
    await one.links.add((await made.node()).key, "127.0.0.1:1")
    lines = await lines_of(one)
    assert lines["links"]["status"] == "warn"
    assert "1 of 2 are down" in lines["links"]["text"]


async def test_a_check_that_never_ends_is_left(made: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(node: Node) -> Check:
        await asyncio.Event().wait()
        raise AssertionError(node)

    monkeypatch.setattr(checks, "ANSWER_S", 0.01)
    monkeypatch.setattr(checks, "_messengers", hangs)
    line = await failed(await made.node())
    assert (line["check"], line["fix"]) == ("messengers", "viscript why visor")


def test_all_ends_within_the_time_that_is_promised() -> None:
    assert probes.PROBE_S < checks.ANSWER_S < WITHIN_S
