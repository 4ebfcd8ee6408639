from pathlib import Path

import pytest

from viscript.demo.layout import (
    LISTENER,
    NODES,
    PORTS,
    RING,
    SERVICES,
    SPEAKER,
    chat,
    config,
    socks_client,
    visor,
)

PORT_OF = {name: 20_000 + number for number, name in enumerate(PORTS)}


def test_each_node_has_two_neighbours() -> None:
    assert len(NODES) == 5
    for node in NODES:
        assert sum(node in link for link in RING) == 2


def test_who_chats_are_no_neighbours() -> None:
    assert (SPEAKER, LISTENER) not in RING
    assert (LISTENER, SPEAKER) not in RING


def test_the_verbs_of_mesh_and_chat_find_the_first_node() -> None:
    assert (visor(SPEAKER), chat(SPEAKER)) == ("visor", "skychat")
    assert len({visor(node) for node in NODES}) == len(NODES)


def test_each_visor_has_a_key_and_a_state_of_its_own(tmp_path: Path) -> None:
    apps = config(tmp_path, PORT_OF)
    words = [apps[visor(node)]["command"] for node in NODES]
    for option in ("--identity", "--state"):
        assert len({each[each.index(option) + 1] for each in words}) == len(NODES)


def test_services_are_started_by_who_needs_them_only(tmp_path: Path) -> None:
    apps = config(tmp_path, PORT_OF)
    needed = {name for app in apps.values() for name in app["needs"]}
    for name, app in apps.items():
        assert app["autostart"] == (app["command"][3] not in SERVICES)
        assert app["autostart"] or name in needed
    assert needed <= set(apps)


def test_every_port_is_used_once(tmp_path: Path) -> None:
    apps = config(tmp_path, PORT_OF)
    apps["socks"] = socks_client(tmp_path, "00" * 32, PORT_OF["socks"])
    words = [word for app in apps.values() for word in app["command"]]
    for port in PORT_OF.values():
        listening = [word for word in words if word in (str(port), f"127.0.0.1:{port}")]
        assert len(listening) == 1


@pytest.mark.parametrize("name", sorted(config(Path("/tmp/x"), PORT_OF)))
def test_each_app_is_started_by_its_module(name: str) -> None:
    command = config(Path("/tmp/x"), PORT_OF)[name]["command"]
    assert command[1:3] == ["-P", "-m"]
