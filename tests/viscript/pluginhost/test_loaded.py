"""Importing one plugin: what it registers, and each way to get it wrong."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.plugins import source, write
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.loaded import HOOKS, Loaded, import_file
from viscript.pluginhost.source import Source, in_folder

HEAD = "from viscript.plugin import AppSpec, VerbSpec, hookimpl\n"


def load(folder: Path, name: str, text: str) -> Loaded:
    return Loaded(source(write(folder, name, text)), {})


@pytest.mark.parametrize(
    "text, told",
    [
        ("import no_such_module_here\n", "import: ModuleNotFoundError"),
        ("def viscript_event(event): ...\n", "viscript_event lacks the mark `@hookimpl`"),
        (
            HEAD + "@hookimpl\ndef viscript_evnt(event): ...\n",
            "unknown hook viscript_evnt .did you mean viscript_event",
        ),
        (HEAD + "@hookimpl\ndef viscript_event(evnt): ...\n", "Argument.s. {'evnt'} are declared"),
        (
            HEAD + "@hookimpl\ndef viscript_register_apps(register): register('x')\n",
            "takes an AppSpec, not str",
        ),
        (
            HEAD
            + "@hookimpl\ndef viscript_register_apps(register): register(AppSpec(name='7', argv=('x',)))\n",
            "app '7': a name starts with a letter",
        ),
        (
            HEAD + "@hookimpl\ndef viscript_register_apps(register): 1 / 0\n",
            "viscript_register_apps: ZeroDivisionError",
        ),
        (
            HEAD + "@hookimpl\ndef viscript_register_verbs(register): register(1, 2)\n",
            "takes a VerbSpec, not int",
        ),
        (
            HEAD + "@hookimpl\ndef viscript_register_verbs(register):\n"
            "    register(VerbSpec(name='v', summary='s'), print)\n",
            "verb v: its handler must be `async def`",
        ),
        (
            HEAD + "async def v(call): ...\n\n@hookimpl\ndef viscript_register_verbs(register):\n"
            "    register(VerbSpec(name='v', summary=1), v)\n",
            "verb v: Expected `str`, got `int`",
        ),
        (HEAD + "@hookimpl\ndef viscript_settings(): return dict\n", "must return a msgspec.Struct type"),
    ],
)
def test_a_wrong_plugin_is_told_in_a_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(PluginError, match=told):
        load(tmp_path, "wrong", text)
    assert "\n" not in told


def test_a_failed_import_leaves_no_half_module(tmp_path: Path) -> None:
    path = write(tmp_path, "half", "x = 1\n1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        import_file(path)
    assert "viscript_plugin_half" not in sys.modules


def test_a_file_that_was_edited_within_a_second_is_not_taken_from_its_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write(tmp_path, "edited", "word = 'first'\n")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    assert import_file(path).word == "first"
    write(tmp_path, "edited", "word = 'later'\n")
    os.utime(path, ns=times)
    assert import_file(path).word == "later"


def test_a_folder_may_have_modules_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    write(folder, "__init__", "from viscript_plugin_many.inner import inside\n")
    write(folder, "inner", "from viscript.plugin import app\n\n@app\nasync def inside(ctx): ...\n")
    (found,) = in_folder(tmp_path)
    (spec,) = Loaded(found, {}).registration.apps
    assert (found.name, spec.name, spec.argv[4]) == ("many", "inside", str(folder / "__init__.py"))


def test_a_package_is_named_by_module_and_attribute() -> None:
    plugin = Loaded(Source(kind="package", name="t", target="plugins.apptracker", version="3"), {})
    assert plugin.registration.version == "3"
    assert [spec.name for spec in plugin.registration.apps] == ["apptracker"]
    with pytest.raises(PluginError, match="import: AttributeError"):
        Loaded(Source(kind="package", name="t", target="plugins.apptracker:nothing"), {})


def test_a_foreign_package_named_plugins_is_refused(tmp_path: Path) -> None:
    elsewhere = Source(kind="built-in", name="apptracker", target=str(tmp_path / "plugins" / "apptracker.py"))
    with pytest.raises(PluginError, match=r"another package named `plugins` is in the way"):
        Loaded(elsewhere, {})


def test_a_fault_of_the_source_stops_before_the_import() -> None:
    with pytest.raises(PluginError, match=r"^not this$"):
        Loaded(Source(kind="file", name="x", target="x.py", fault="not this"), {})


def test_there_are_seven_hooks() -> None:
    assert len(HOOKS) == 7
