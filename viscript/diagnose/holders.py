"""Who holds a socket or a file on this host: the seam between Linux and all other systems."""

import os
from collections.abc import Sequence
from typing import Protocol

from viscript.diagnose.bound import Bound


class Holders(Protocol):
    """Looks at the whole host. Nothing here raises for what we may not see; it is left out."""

    def bound(self) -> Sequence[Bound]:
        """Every socket that listens on a port."""

    def of_socket(self, bound: Bound) -> Sequence[int]:
        """The pids that hold it."""

    def of_path(self, path: str) -> Sequence[int]:
        """The pids that have locked the file, or listen on the unix socket, of that path."""

    def name(self, pid: int) -> str:
        """What the process is called; nothing when it is gone."""


def default_holders() -> Holders:
    """/proc where there is one, else psutil (`VISCRIPT_PORTABLE=1` forces it)."""
    if os.environ.get("VISCRIPT_PORTABLE") != "1" and os.access("/proc/net/tcp", os.R_OK):
        from viscript.diagnose.linux import LinuxHolders

        return LinuxHolders()
    from viscript.diagnose.portable import PortableHolders  # late: psutil costs 35 ms

    return PortableHolders()
