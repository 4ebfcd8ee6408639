"""The ten-line example."""

from pathlib import Path

import pytest

from plugins import helloworld
from viscript.pluginhost import appform
from viscript.testing import AppContext


async def test_it_greets_and_waits_to_be_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    context = AppContext("helloworld")
    context.stop()
    await helloworld.helloworld(context, "Mike")
    assert capsys.readouterr().out == "Hello Mike!\n"


def test_it_has_ten_lines_and_a_schema() -> None:
    assert len(Path(helloworld.__file__).read_text().splitlines()) <= 10
    (spec,) = appform.apps_of(helloworld, "plugins.helloworld")
    assert (spec.name, spec.summary) == ("helloworld", "greets, then waits to be stopped")
    assert [(one.name, one.default, one.required) for one in spec.args] == [("who", "world", False)]
