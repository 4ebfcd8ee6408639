"""The apps of the mesh: what runs on a host alone, and what with services elsewhere."""

import subprocess
import sys

import pytest

from plugins.mesh.apps import apps
from plugins.mesh.settings import Settings
from viscript.plugin import AppSpec, Check

KEY = "02" + 31 * "ab" + "01"


def named(**given: object) -> dict[str, AppSpec]:
    """The apps by name, with these settings."""
    return {app.name: app for app in apps(Settings(**given))}  # type: ignore[arg-type]  # as a file says it


def words(app: AppSpec) -> str:
    """What stands behind the module."""
    return " ".join(app.argv[4:])


def test_each_is_a_module_that_tells_when_it_is_ready() -> None:
    found = named()
    assert {name: app.argv[1:4] for name, app in found.items()} == {
        "visor": ("-P", "-m", "components.visor"),
        "node-manager": ("-P", "-m", "components.node_manager"),
        "setup-node": ("-P", "-m", "components.node_manager.setup"),
        "messenger": ("-P", "-m", "components.messenger"),
    }
    assert all(app.argv[0] == sys.executable and app.daemon for app in found.values())
    assert found["visor"].ready == Check(signal=True)
    assert {found[name].ready for name in list(found)[1:]} == {Check(signal=True)}
    assert found["visor"].aliases == ("meshnet-node",)


def test_on_a_host_alone_the_visor_brings_up_all_it_needs() -> None:
    found = named()
    assert found["visor"].needs == ("node-manager", "setup-node", "messenger")
    assert found["setup-node"].needs == found["messenger"].needs == ("node-manager",)
    assert words(found["visor"]) == "--listen 0.0.0.0:7777 --setup node"
    assert words(found["node-manager"]) == "--listen 127.0.0.1:9091"
    assert words(found["setup-node"]) == "--listen 127.0.0.1:9093"
    assert words(found["messenger"]) == "--listen 127.0.0.1:8081 --discovery http://127.0.0.1:9091"


def test_a_node_manager_elsewhere_is_used_instead() -> None:
    found = named(node_manager="10.0.0.1:9091", setup_nodes=(KEY,), messengers=(f"{KEY}@10.0.0.1:8081",))
    assert [app.needs for app in found.values()] == [()] * 4
    assert f"--manager 10.0.0.1:9091 --setup-node {KEY} --messenger {KEY}@10." in words(found["visor"])
    assert words(found["setup-node"]).endswith("--directory http://10.0.0.1:9091")
    assert words(found["messenger"]).endswith("--discovery http://10.0.0.1:9091")


def test_what_is_named_is_not_started_here() -> None:
    assert named(setup_nodes=(KEY,))["visor"].needs == ("node-manager", "messenger")
    assert named(setup="direct")["visor"].needs == ("node-manager", "messenger")
    assert named(messengers=(f"{KEY}@h:1",))["visor"].needs == ("node-manager", "setup-node")


def test_a_visor_alone_starts_nothing_else() -> None:
    visor = named(alone=True, alias="mike", advertise=("198.51.100.7:7777",))["visor"]
    assert visor.needs == ()
    assert words(visor).endswith("--advertise 198.51.100.7:7777 --alias mike --setup node --alone")


@pytest.mark.parametrize("host, shown", [("10.0.0.1", "10.0.0.1"), ("fd00::1", "[fd00::1]")])
def test_services_can_be_for_others_too(host: str, shown: str) -> None:
    found = named(serve=host)
    assert words(found["node-manager"]) == f"--listen {shown}:9091"
    assert words(found["messenger"]) == f"--listen {shown}:8081 --discovery http://{shown}:9091"


def test_a_url_is_taken_as_it_is() -> None:
    assert words(named(node_manager="https://a.example")["messenger"]).endswith(
        "--discovery https://a.example"
    )


def test_the_seeds_positional_arguments_are_known() -> None:
    visor = named()["visor"]
    assert [argument.name for argument in visor.args] == [
        "listen", "node-manager", "connect-randomly", "app-port", "name",
    ]  # fmt: skip
    assert not any(argument.required for argument in visor.args)
    assert all(f"[{number}]" in visor.help for number in range(1, 6))


@pytest.mark.parametrize("name", ["node-manager", "setup-node", "messenger"])
def test_each_program_knows_the_words_it_is_given(name: str) -> None:
    app = named(node_manager="10.0.0.1:9091")[name]
    done = subprocess.run([*app.argv, "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for option in filter(lambda word: word.startswith("--"), app.argv):
        assert option in done.stdout
