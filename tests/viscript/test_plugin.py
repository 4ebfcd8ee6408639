"""The one door of plugin authors: complete, and light."""

import subprocess
import sys

from viscript import plugin

HEAVY = ("zmq", "aiohttp", "prompt_toolkit", "yaml", "psutil", "nacl")


def test_the_door_has_what_it_says() -> None:
    assert all(hasattr(plugin, name) for name in plugin.__all__)
    assert plugin.API_VERSION == 1


def test_registering_a_plugin_loads_nothing_heavy() -> None:
    load = "import sys, plugins.apptracker, plugins.helloworld"
    code = f"{load}; print([name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
