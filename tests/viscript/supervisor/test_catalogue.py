"""What can be started, from the configuration and from plugins."""

import msgspec

from viscript.config.loader import load_text
from viscript.config.model import App, role_of
from viscript.supervisor.api import AppEntry
from viscript.supervisor.catalogue import catalogue

PLUGIN = {
    "socks-server": AppEntry(
        name="socks-server",
        source="plugin socks",
        spec=App(command=("python", "-m", "socks"), desc="from the plugin"),
        argv=("python", "-m", "socks"),
        aliases=("meshnet-socks-server",),
    )
}


def entries(text: str, *, exists: bool = False) -> dict[str, AppEntry]:
    return catalogue(load_text(text, "/etc/x/config.yaml"), PLUGIN, lambda path: exists)


def test_an_app_of_the_file_is_looked_up_in_its_folder() -> None:
    entry = entries("apps: {web: {path: bin/web}}")["web"]
    assert (entry.argv, entry.folder, entry.source) == (("bin/web",), "/etc/x", "config.yaml")


def test_a_block_whose_path_is_missing_keeps_the_plugins_command() -> None:
    found = entries("apps: {meshnet-socks-server: {path: bin/nothing, desc: mine}}")
    entry = found["meshnet-socks-server"]
    assert entry.argv == ("python", "-m", "socks")
    assert entry.spec.desc == "mine"
    assert entry.aliases == ("socks-server",)
    assert "socks-server" not in found


def test_a_block_whose_path_is_there_is_its_own() -> None:
    entry = entries("apps: {socks-server: {path: bin/mine}}", exists=True)["socks-server"]
    assert entry.argv == ("bin/mine",)


def test_an_app_without_a_path_is_named_like_its_program() -> None:
    assert entries("apps: {redis-server: {}}")["redis-server"].argv == ("redis-server",)


def test_a_plugin_that_nobody_overrides_stays() -> None:
    assert entries("apps: {}")["socks-server"] is PLUGIN["socks-server"]


def test_a_program_of_the_file_takes_the_alias_of_a_plugins_app() -> None:
    found = entries("apps: {meshnet-socks-server: {path: bin/mine}}", exists=True)
    assert found["meshnet-socks-server"].argv == ("bin/mine",)
    assert found["socks-server"].aliases == ()


def test_a_block_may_let_operators_start_what_its_plugin_keeps_for_admins() -> None:
    guarded = msgspec.structs.replace(
        PLUGIN["socks-server"], spec=msgspec.structs.replace(PLUGIN["socks-server"].spec, role="admin")
    )
    for block, role in (("{desc: mine}", "admin"), ("{role: operate}", "operate")):
        loaded = load_text(f"apps: {{socks-server: {block}}}", "/etc/x/config.yaml")
        found = catalogue(loaded, {"socks-server": guarded}, lambda path: False)
        assert role_of(found["socks-server"].spec) == role
