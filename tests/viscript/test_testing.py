"""What plugin authors test with."""

from pathlib import Path

from tests.support.plugins import write
from viscript.testing import AppContext, plugin_faults


def test_a_plugin_file_is_examined(tmp_path: Path) -> None:
    assert plugin_faults(write(tmp_path, "good")) == []
    assert plugin_faults(write(tmp_path, "bad", "x = 1\n")) != []


async def test_an_app_function_is_called_like_any_other() -> None:
    from plugins.helloworld import helloworld

    context = AppContext("helloworld")
    context.stop()
    await helloworld(context, "you")
