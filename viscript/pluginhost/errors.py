"""What goes wrong with plugins, and whose fault it is."""

from __future__ import annotations

import traceback as _traceback

from viscript.errors import ExitCode, VerbError, ViscriptError


class PluginError(ViscriptError):
    """The plugin is wrong: one sentence for the list, the traceback for `plugins show`."""

    def __init__(self, text: str, *, traceback: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.traceback = traceback

    @classmethod
    def raised(cls, doing: str, exc: BaseException) -> PluginError:
        """The fault for an exception that came out of plugin code."""
        return cls(f"{doing}: {sentence(exc)}", traceback="".join(_traceback.format_exception(exc)))


class BrokenPluginsError(VerbError):
    """`plugins.strict` is set and at least one plugin is broken."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(
            ExitCode.BAD_CONFIG, "; ".join(faults), detail="plugins.strict is set", data=list(faults)
        )


def sentence(exc: BaseException) -> str:
    """An exception on one line, with its type."""
    words = " ".join(str(exc).split())
    return f"{type(exc).__name__}: {words}" if words else type(exc).__name__
