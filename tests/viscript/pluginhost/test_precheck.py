"""Settings of plugins are checked without a daemon."""

import pytest

from viscript.pluginhost import precheck
from viscript.pluginhost.precheck import setting_faults
from viscript.pluginhost.source import Source


def test_a_wrong_key_and_a_wrong_value_are_found() -> None:
    faults = setting_faults({"mesh": {"nodemanager": "10.0.0.1:9091"}, "socks": {"allow_private": 3}})
    assert [fault.path for fault in faults] == [
        "plugins.settings.mesh.nodemanager",
        "plugins.settings.socks.allow_private",
    ]
    assert "did you mean" in faults[0].message


def test_right_ones_and_those_of_other_plugins_are_passed_over() -> None:
    assert setting_faults({"mesh": {"alone": True}, "mine": {"x": 1}}) == []


def test_a_plugin_that_cannot_be_imported_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        precheck, "built_in", lambda: [Source(kind="built-in", name="gone", target="plugins.gone")]
    )
    (fault,) = setting_faults({"gone": {}})
    assert fault.path == "plugins.settings.gone"
