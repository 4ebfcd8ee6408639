"""The plugin as the daemon sees it."""

from plugins import skychat
from viscript.plugin import AppSpec, VerbSpec
from viscript.testing import plugin_faults


def test_it_conforms() -> None:
    assert plugin_faults("plugins.skychat") == []


def test_it_registers_its_app_and_verbs() -> None:
    specs: list[AppSpec] = []
    skychat.viscript_register_apps(specs.append, skychat.viscript_settings()())
    assert [spec.name for spec in specs] == ["skychat"]
    verbs: list[VerbSpec] = []
    skychat.viscript_register_verbs(lambda spec, handler: verbs.append(spec))
    assert [spec.name for spec in verbs] == [
        "chat", "chat unread", "chat follow", "chat page", "chat room", "chat leave",
    ]  # fmt: skip
