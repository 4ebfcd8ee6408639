"""Every hook is documented, and every example of the documentation works."""

import inspect
import re
from pathlib import Path

import pytest

from viscript.pluginhost import conformance, hookspecs
from viscript.pluginhost.loaded import HOOKS

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "reference" / "hooks.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_has_the_hooks_and_no_others() -> None:
    assert list(SECTIONS) == list(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_says_when_it_runs_and_what_it_takes(hook: str) -> None:
    function = getattr(hookspecs, hook)
    assert (inspect.getdoc(function) or "").startswith("Runs ")
    arguments = ", ".join(inspect.signature(function).parameters)
    assert SECTIONS[hook].lstrip().startswith(f"`({arguments})")


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_a_hook_is_a_plugin_that_conforms(hook: str, tmp_path: Path) -> None:
    (example,) = BLOCK.findall(SECTIONS[hook])
    assert f"def {hook}(" in example
    path = tmp_path / "example.py"
    path.write_text(example)
    assert conformance.faults(str(path)) == []


def test_the_tutorial_prints_the_file_that_is_tested() -> None:
    text = (DOCS / "guide" / "tutorial.md").read_text()
    (printed,) = BLOCK.findall(text)
    assert printed == (DOCS.parent / "plugins" / "helloworld.py").read_text()
    assert len(printed.splitlines()) <= 10


def test_the_examples_of_the_guide_work(tmp_path: Path) -> None:
    *plugins, test = BLOCK.findall((DOCS / "guide" / "plugins.md").read_text())
    for number, plugin in enumerate(plugins):
        path = tmp_path / f"plugin{number}.py"
        path.write_text(plugin)
        assert conformance.faults(str(path)) == []
    assert len(plugins) == 2
    names: dict[str, object] = {}
    exec(test, names)
    check = names["test_it_conforms"]
    assert callable(check)
    check(tmp_path)
