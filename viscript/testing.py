"""For the tests of a plugin: is it one, and does its app do what it should?

    from viscript.testing import AppContext, plugin_faults

    def test_it_conforms() -> None:
        assert plugin_faults("greeter.py") == []

An `@app` function is called like any other: `asyncio.run(greeter(AppContext("greeter"), "you"))`; call
`context.stop()` first for one that waits to be stopped.
"""

from __future__ import annotations

from pathlib import Path

from viscript.pluginhost import conformance
from viscript.pluginhost.appcontext import AppContext

__all__ = ["AppContext", "plugin_faults"]


def plugin_faults(target: str | Path) -> list[str]:
    """What is wrong with a plugin file or module, as sentences; empty when it conforms."""
    return conformance.faults(str(target))
