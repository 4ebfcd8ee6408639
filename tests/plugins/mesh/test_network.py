"""peers, mesh and services: what people read."""

import pytest

from tests.support.fake_visor import ANSWERS, JOE, KEY, LINK, MIKE
from tests.support.mesh_verbs import Port, use
from viscript.plugin import VerbError


async def test_a_peer_is_a_line_with_its_whole_key() -> None:
    answer = await use("peers")
    assert answer.text is not None
    assert answer.text.splitlines()[1] == f"mike  neighbour  1.2 ms  2.0 KiB  100 B     {MIKE}"
    assert (await use("peers", Port(peers=[]))).text == "no peer; `tp add KEY@HOST:PORT` links with one\n"


async def test_the_wide_form_is_left_to_the_columns_of_the_verb() -> None:
    answer = await use("peers", form="wide")
    assert (answer.text, answer.data) == (None, ANSWERS["peers"])


async def test_the_map_shows_each_node_with_its_neighbours() -> None:
    assert (await use("mesh map")).text == (
        f"{JOE[:12]} - no neighbour\nmike - this node (stcpr)\nthis node - mike (stcpr)\n"
    )
    unknown = {"id": LINK, "type": "dmsg", "edges": [KEY, MIKE], "up": False}
    nodes = [{"public_key": KEY, "label": "this node"}]
    answer = await use("mesh map", Port(mesh_map={"nodes": nodes, "transports": [unknown]}))
    assert answer.text == f"this node - {MIKE[:12]} (dmsg, down)\n"
    assert (
        await use("mesh map", Port(mesh_map={"nodes": [], "transports": []}))
    ).text == "no node is known\n"


async def test_a_check_that_fails_is_exit_code_1() -> None:
    assert (await use("mesh check")).code == 0
    failing = [{"check": "setup", "status": "fail", "text": "no answer", "fix": "why setup-node"}]
    answer = await use("mesh check", Port(mesh_check=failing))
    assert answer.code == 1
    assert (await use("mesh check", Port(mesh_check=failing), form="wide")).code == 1
    assert answer.text is not None
    assert "setup  fail    no answer  why setup-node" in answer.text


async def test_a_key_gets_and_loses_its_label() -> None:
    assert (await use("mesh name", peer=MIKE, label="mike")).text == f"{MIKE} is called mike\n"
    assert (await use("mesh name", peer=MIKE)).text == f"{MIKE} has no label now\n"


async def test_services_are_asked_by_type_and_name() -> None:
    port = Port()
    answer = await use("services", port, type="vpn", name="home")
    assert port.asked == [("services", {"type": "vpn", "name": "home"})]
    assert answer.text is not None
    assert "vpn   vpn   76ad0b0b0b0b  250 s" in answer.text
    assert (await use("services", Port(services=[]))).text == "nobody offers that\n"


async def test_a_stream_for_the_callers_input_is_a_program_of_its_own() -> None:
    answer = await use("mesh nc", peer="-mike", port=700)
    assert answer.program[1:] == ("-P", "-m", "plugins.mesh.nc", "--", "-mike", "700")
    with pytest.raises(VerbError, match="70000 is no port"):
        await use("mesh nc", peer="mike", port=70_000)
