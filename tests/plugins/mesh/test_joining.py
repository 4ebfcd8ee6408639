import yaml

from plugins.mesh.joining import lines
from tests.support.fake_visor import KEY, MIKE
from tests.support.mesh_verbs import Port, use

ALONE = {
    "public_key": KEY, "node_manager": [], "setup_nodes": [], "messengers": [], "links": [], "local": [],
}  # fmt: skip


async def test_what_another_host_needs_can_be_copied_as_it_is() -> None:
    answer = await use("mesh keys")
    assert answer.text is not None
    block = answer.text[answer.text.index("plugins:") : answer.text.index("then there")]
    assert yaml.safe_load(block)["plugins"]["settings"]["mesh"] == {
        "node_manager": "10.0.0.1:9091",
        "setup_nodes": [f"{MIKE}@10.0.0.1:9093"],
    }
    assert f"viscript tp add {KEY}@10.0.0.1:7777" in answer.text
    assert "only this host" not in answer.text


async def test_services_that_only_this_host_reaches_are_told_with_what_to_do() -> None:
    found = {**ALONE, "node_manager": ["127.0.0.1:9091"], "local": ["node_manager", "links"]}
    answer = await use("mesh keys", Port(mesh_keys=found))
    assert answer.data == found
    assert answer.text is not None
    assert "only this host reaches node_manager: set `plugins.settings.mesh.serve`" in answer.text


def test_a_node_alone_has_its_key_only() -> None:
    assert lines(ALONE) == [f"this node is {KEY}"]
