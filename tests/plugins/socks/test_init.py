"""The plugin as the daemon sees it."""

from plugins import socks
from viscript.plugin import AppSpec, VerbSpec
from viscript.testing import plugin_faults


def test_it_conforms() -> None:
    assert plugin_faults("plugins.socks") == []


def test_it_registers_its_apps_and_verbs() -> None:
    specs: list[AppSpec] = []
    socks.viscript_register_apps(specs.append, socks.viscript_settings()())
    assert [spec.name for spec in specs] == ["socks-server", "socks-client"]
    verbs: list[VerbSpec] = []
    socks.viscript_register_verbs(lambda spec, handler: verbs.append(spec))
    assert [spec.name for spec in verbs] == ["socks up", "socks down", "socks check", "socks status"]
