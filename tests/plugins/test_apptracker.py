"""apptracker registers by the public hooks and loads nothing of its code."""

from plugins import apptracker
from viscript.plugin import AppSpec


def test_it_names_its_module_and_explains_its_address() -> None:
    specs: list[AppSpec] = []
    apptracker.viscript_register_apps(specs.append)
    (spec,) = specs
    assert spec.name == "apptracker"
    assert spec.argv[1:] == ("-P", "-m", "components.node_manager.tracker")
    assert spec.args[0].default == "127.0.0.1:20000"
    assert "start apptracker 127.0.0.1:20000" in spec.help
    assert spec.daemon
