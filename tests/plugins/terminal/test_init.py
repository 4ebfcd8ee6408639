"""The plugin as the daemon sees it."""

import subprocess
import sys

from plugins import terminal
from viscript.plugin import AppSpec, VerbSpec
from viscript.testing import plugin_faults


def test_it_conforms() -> None:
    assert plugin_faults("plugins.terminal") == []


def test_it_registers_its_app_and_its_verbs() -> None:
    specs: list[AppSpec] = []
    terminal.viscript_register_apps(specs.append, terminal.viscript_settings()())
    assert [spec.name for spec in specs] == ["terminal"]
    verbs: list[VerbSpec] = []
    terminal.viscript_register_verbs(lambda spec, handler: verbs.append(spec))
    assert [spec.name for spec in verbs] == ["ssh", "scp", "terminal known_hosts", "terminal status"]


def test_the_daemon_loads_it_without_asyncssh() -> None:
    code = "import sys, plugins.terminal; sys.exit('asyncssh' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False, timeout=30).returncode == 0
