"""The conformance test tells good plugins from bad ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plugins import write
from viscript.pluginhost import conformance
from viscript.pluginhost.source import BUILT_IN_FOLDER
from viscript.pluginhost.spec import AppSpec, Registration, VerbSpec

PLUGINS = sorted(path for path in BUILT_IN_FOLDER.glob("*.py") if not path.name.startswith("_"))


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.stem)
def test_our_own_plugins_conform(path: Path) -> None:
    assert conformance.faults(str(path)) == []


def test_a_module_is_examined_as_well_as_a_file() -> None:
    assert conformance.faults("plugins.helloworld") == []


def test_a_plugin_that_does_not_load_is_one_finding(tmp_path: Path) -> None:
    path = write(tmp_path, "broken", "1 / 0\n")
    assert conformance.faults(str(path)) == ["it loads: import: ZeroDivisionError: division by zero"]


def test_a_file_that_is_none_by_its_name_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "_helper")
    assert conformance.faults(str(path)) == [f"it loads: {path} is no plugin file by its name"]


def test_what_a_registration_lacks_is_told() -> None:
    bad = AppSpec(name="x", argv=("no-such-program",), env={"API_TOKEN": "1"})
    module = AppSpec(name="y", argv=(sys.executable, "-m", "no.such.module"), summary="s")
    verb = VerbSpec(name="v", summary="")
    told = {one.check: one.fault for one in conformance.look(Registration(apps=(bad, module), verbs=(verb,)))}
    assert told["app x: its program exists"] == "there is no no-such-program"
    assert told["app x: has a summary"]
    assert told["app x: its environment holds no secret"] == "API_TOKEN: let the user set it"
    assert told["app y: its program exists"] == "there is no module no.such.module"
    assert told["verb v: has a summary"]
    assert told["verb v: has columns"]


def test_the_command_prints_a_line_a_check(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "viscript.pluginhost.conformance"]
    good = subprocess.run(
        [*command, str(write(tmp_path, "good"))], capture_output=True, text=True, check=False
    )
    assert good.returncode == 0, good.stdout + good.stderr
    assert "pass it loads\n" in good.stdout
    bad = subprocess.run(
        [*command, str(write(tmp_path, "bad", "x = 1\n"))], capture_output=True, text=True, check=False
    )
    assert bad.returncode == 1
    assert bad.stdout.startswith("FAIL it loads: it registers nothing")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
