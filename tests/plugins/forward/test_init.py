"""The plugin as the daemon sees it."""

from plugins import forward
from viscript.plugin import AppSpec, VerbSpec
from viscript.testing import plugin_faults
from viscript.verbs.core import builtin


def test_it_conforms() -> None:
    assert plugin_faults("plugins.forward") == []


def test_it_registers_its_app_and_verbs() -> None:
    specs: list[AppSpec] = []
    forward.viscript_register_apps(specs.append)
    assert [spec.name for spec in specs] == ["forward"]
    verbs: list[VerbSpec] = []
    forward.viscript_register_verbs(lambda spec, handler: verbs.append(spec))
    assert [spec.name for spec in verbs] == [
        "fwd", "rev", "forward offer", "forward lend", "forward ls", "forward rm"
    ]  # fmt: skip
    spellings = {spelling for spec in verbs for spelling in (spec.name, *spec.aliases)}
    assert not spellings & set(builtin().spellings())
    assert forward.viscript_settings()().rules == ()
