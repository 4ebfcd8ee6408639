"""The home of a demo: a `Stage` that ends what it started, and nothing that a person started there."""

import psutil

from viscript.prove import strays
from viscript.prove.stage import DAEMON, KEEPER, PLUGIN_HOST, Stage

_OF_AN_APP = "VISCRIPT_SEQ"  # the keeper gives it to each app, which hands it on


class Scene(Stage):
    """One home under `root`. A person may have it as VISCRIPT_HOME in a shell: that shell is not ours."""

    def processes(self) -> list[psutil.Process]:
        """Daemon, keeper, apps and all that they forked."""
        return [process for process in super().processes() if _is_ours(process)]


def _is_ours(process: psutil.Process) -> bool:
    if any(strays.is_module(process, module) for module in (DAEMON, KEEPER, PLUGIN_HOST)):
        return True
    try:
        return _OF_AN_APP in process.environ()
    except psutil.Error:
        return False
