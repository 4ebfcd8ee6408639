"""What another host is told: real visors, and their services in this process."""

from dataclasses import replace
from pathlib import Path

from components.mesh.roster import Messenger
from components.visor.node.around import Around
from components.visor.node.invitation import HERE, invitation
from tests.support.mesh import ALICE, BOB
from tests.support.nodes import mesh


async def test_keys_and_addresses_are_as_settings_take_them(short_tmp: Path) -> None:
    setup = {ALICE.public_key: ("10.0.0.1", 9093), BOB.public_key: None}
    async with mesh(short_tmp) as made:
        made.around = Around((), setup, (Messenger(BOB.public_key, ("fd00::1", 8081)),))
        node = await made.node(advertise=("mike.example:7777",))
    told = invitation(node)
    assert told["public_key"] == node.key.hex()
    assert told["setup_nodes"] == [f"{ALICE.public_key.hex()}@10.0.0.1:9093", BOB.public_key.hex()]
    assert told["messengers"] == [f"{BOB.public_key.hex()}@[fd00::1]:8081"]
    assert told["links"] == [f"{node.key.hex()}@mike.example:7777"]
    assert told["local"] == []


async def test_what_only_this_host_reaches_is_named(short_tmp: Path) -> None:
    async with mesh(short_tmp) as made:
        node = await made.node()
        node.around = replace(node.around, managers=("http://127.0.0.1:9091", "http://10.0.0.1:9091"))
        told = invitation(node)
    assert told["node_manager"] == ["127.0.0.1:9091", "10.0.0.1:9091"]
    assert told["local"] == ["node_manager", "links"]


async def test_a_node_that_listens_everywhere_says_where_the_address_is_to_be_put(short_tmp: Path) -> None:
    async with mesh(short_tmp) as made:
        node = await made.node(listen=("0.0.0.0", 0))
        assert node.address is not None
        assert invitation(node)["links"] == [f"{node.key.hex()}@{HERE}:{node.address[1]}"]
        node.links._address = None  # as of one that takes no links
        assert invitation(node)["links"] == []
