"""`plugins new NAME`: an app, its test and its packaging, whole from the first minute. Pure."""

from __future__ import annotations

import keyword
import sys
from typing import Final

from viscript.errors import ExitCode, VerbError

PLUGIN: Final = '''\
"""{name}: an app for viscript."""

from viscript.plugin import AppContext, app


@app(name="{name}", help="[1] who to greet")
async def {module}(ctx: AppContext, who: str = "world") -> None:
    """greets, then waits to be stopped"""
    print(f"Hello {{who}}!", flush=True)
    await ctx.stopped()
'''

TEST: Final = '''\
"""Is {name} a plugin, and does it greet?"""

import asyncio

import pytest
from viscript.testing import AppContext, plugin_faults

import {module}


def test_it_is_a_plugin_that_conforms() -> None:
    assert plugin_faults({module}.__file__) == []


def test_it_greets(capsys: pytest.CaptureFixture[str]) -> None:
    context = AppContext("{name}")
    context.stop()
    asyncio.run({module}.{module}(context, "you"))
    assert capsys.readouterr().out == "Hello you!\\n"
'''

PROJECT: Final = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "viscript-{name}"
version = "0.1.0"
description = "{name}: an app for viscript"
requires-python = ">=3.11"
dependencies = ["viscript"]

[project.entry-points."viscript.plugins"]
{name} = "{module}"

[tool.setuptools]
py-modules = ["{module}"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]

[tool.ruff]
line-length = 110

[tool.ruff.lint]
select = ["E", "F", "W", "I", "UP", "B"]
"""

README: Final = """\
# {name}

An app for viscript.

    cp {module}.py "$VISCRIPT_HOME/plugins/"   # or: pip install .
    viscript s {name} you
    viscript ping {name}
    viscript sd {name}

Tests: `python -m pytest`. Is it a good plugin? `python -m viscript.pluginhost.conformance {module}.py`
"""


def scaffold(name: str) -> dict[str, str]:
    """The files of a new plugin, path -> text. Raises `VerbError` USAGE for a name that cannot be one."""
    module = name.replace("-", "_")
    _check(name, module)
    texts = {
        f"{name}/{module}.py": PLUGIN,
        f"{name}/tests/test_{module}.py": TEST,
        f"{name}/pyproject.toml": PROJECT,
        f"{name}/README.md": README,
    }
    return {path: text.format(name=name, module=module) for path, text in texts.items()}


def _check(name: str, module: str) -> None:
    form = (
        name.isascii()
        and module.isidentifier()
        and name == name.lower()
        and not name.startswith(("_", "-", "test_"))
    )
    if not form or name.endswith(("_", "-")):
        text = f"plugin name {name!r}: lower-case letters, digits and `-`, starting with a letter"
        raise VerbError(ExitCode.USAGE, text)
    if (
        keyword.iskeyword(module)
        or module in sys.stdlib_module_names
        or module in ("viscript", "plugins", "pytest")
    ):
        raise VerbError(ExitCode.USAGE, f"plugin name {name!r} means something else in Python; take another")
