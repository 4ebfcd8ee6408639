"""Settings of plugins: every fault in one pass."""

import msgspec

from viscript.pluginhost import settings


class Nested(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    a: int = 0


class Kind(msgspec.Struct):
    port: int
    names: tuple[str, ...] = ()
    nested: Nested = Nested()


def test_good_settings_become_the_plugins_type() -> None:
    value, faults = settings.check("p", Kind, {"port": 1, "names": ["a"], "nested": {"a": 2}})
    assert value == Kind(1, ("a",), Nested(2))
    assert faults == ()


def test_all_faults_are_told_at_once_with_their_place() -> None:
    value, faults = settings.check("p", Kind, {"nmaes": [], "names": 1, "nested": {"b": 1}})
    assert value is None
    assert [(fault.path, fault.message, fault.suggestion) for fault in faults] == [
        ("plugins.settings.p.nmaes", 'unknown key (did you mean "names"?)', "names"),
        ("plugins.settings.p.port", "missing, and it has no default", ""),
        ("plugins.settings.p.names", "Expected array, got int", ""),
        ("plugins.settings.p.nested", "Object contains unknown field b", ""),
    ]


def test_a_plugin_without_a_type_takes_no_settings() -> None:
    assert settings.check("p", None, {}) == (None, ())
    assert settings.check("p", None, {"a": 1})[1][0].message == "this plugin takes no settings"


def test_the_type_has_a_schema() -> None:
    assert settings.schema(None) is None
    assert "Kind" in str(settings.schema(Kind))
