"""The plugin as the daemon sees it."""

from plugins import reach
from viscript.plugin import AppSpec
from viscript.testing import plugin_faults


def test_it_conforms() -> None:
    assert plugin_faults("plugins.reach") == []


def test_it_registers_its_app() -> None:
    specs: list[AppSpec] = []
    reach.viscript_register_apps(specs.append)
    assert [spec.name for spec in specs] == ["reach"]
