"""Whether the keeper starts this daemon again when it crashes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from viscript.daemon.settings import Options
from viscript.supervisor.keeper_port import Keeper


class Guard:
    """Tells every keeper the same; taken back when the daemon is stopped on purpose."""

    def __init__(self, keeper: Keeper, options: Options, config: str) -> None:
        self._keeper = keeper
        self._argv = _argv(options, config) if options.guarded else None

    def set(self) -> None:
        """Ask the present keeper to watch over us."""
        self._keeper.tell("guard", argv=self._argv, pid=os.getpid())

    def clear(self) -> None:
        """We end on purpose: nobody is to start us again."""
        self._argv = None
        self.set()


def _argv(options: Options, config: str) -> list[str]:
    argv = [sys.executable, "-P", "-m", "viscript.daemon", "--guarded"]
    if config:
        return [*argv, "--config", str(Path(config).absolute())]
    return [*argv, "--no-config"]
