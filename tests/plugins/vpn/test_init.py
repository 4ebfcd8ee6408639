"""The plugin as the daemon sees it."""

from plugins import vpn
from viscript.plugin import AppSpec, VerbSpec
from viscript.testing import plugin_faults


def test_it_conforms() -> None:
    assert plugin_faults("plugins.vpn") == []


def test_it_registers_its_apps_and_verbs() -> None:
    specs: list[AppSpec] = []
    vpn.viscript_register_apps(specs.append, vpn.viscript_settings()())
    assert [spec.name for spec in specs] == ["vpn-server", "vpn-client", "vpn-restore"]
    verbs: list[VerbSpec] = []
    vpn.viscript_register_verbs(lambda spec, handler: verbs.append(spec))
    assert [spec.name.split()[1] for spec in verbs] == ["up", "confirm", "down", "status", "check"]
