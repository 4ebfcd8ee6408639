"""The plugin as the daemon sees it."""

import pytest

from plugins import mesh
from viscript.plugin import AppSpec
from viscript.testing import plugin_faults

KEY = 32 * "0a"


def test_it_conforms() -> None:
    assert plugin_faults("plugins.mesh") == []


def test_it_registers_what_its_settings_say() -> None:
    specs: list[AppSpec] = []
    mesh.viscript_register_apps(specs.append, mesh.viscript_settings()(alone=True))
    assert [spec.name for spec in specs] == ["visor", "node-manager", "setup-node", "messenger"]
    assert specs[0].needs == ()


@pytest.mark.parametrize("target, name", [(KEY, KEY), (f"02{KEY}", f"02{KEY}"), ("peer:mike", "mike")])
def test_a_key_or_a_name_behind_peer_is_a_peer(target: str, name: str) -> None:
    found = mesh.viscript_resolve_target(target)
    assert found is not None
    assert (found.kind, found.app, found.params) == ("peer", "visor", {"peer": name})
    assert not found.guess


def test_a_bare_name_may_be_a_peer_or_a_typing_error() -> None:
    found = mesh.viscript_resolve_target("mike")
    assert found is not None
    assert found.guess
    assert found.params == {"peer": "mike"}


@pytest.mark.parametrize(
    "target", ["peer:", "7", "", KEY[:40], f"03{KEY}", "beta/web", "@all", "w*b", 64 * "x"]
)
def test_anything_else_is_none(target: str) -> None:
    assert mesh.viscript_resolve_target(target) is None
