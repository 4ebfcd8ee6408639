"""`doctor`: the checks of a machine and a home that need no daemon, and of the versions that run together."""

import os
import resource
import sys
import time

from viscript.diagnose import machine, premises
from viscript.diagnose.finding import Finding, doubtful, good
from viscript.diagnose.trees import trees
from viscript.home import Home

__all__ = ["Finding", "examine", "versions"]


def examine(home: Home) -> list[Finding]:
    """Every check, in an order that people read: the machine first, then the home."""
    return [
        machine.python(sys.version_info[:3]),
        machine.kernel(sys.platform, os.uname().release, machine.kernel_features()),
        machine.descriptors(*resource.getrlimit(resource.RLIMIT_NOFILE)),
        machine.clock(time.time(), premises.newest_write(home)),
        premises.folders(home),
        premises.sockets(home),
        premises.disk(home),
        premises.store(home),
        premises.pipes(home),
        trees(home, os.environ),
    ]


def versions(ours: str, daemon: str, keeper: str) -> Finding:
    """Whether command, daemon and keeper are of one version; apps go on through each upgrade."""
    if ours == daemon == keeper:
        return good("versions", f"all {ours}")
    return doubtful(
        "versions",
        f"command {ours}, daemon {daemon}, keeper {keeper}",
        "viscript daemon stop, then viscript daemon --detach; apps go on",
    )
