"""How processes are looked at: the seam between Linux and all other systems."""

import os
from pathlib import Path
from typing import Protocol

from viscript.usage.process import Detail, Process


class Probe(Protocol):
    """One way to look at processes. No method raises for a process that is gone."""

    def watch(self, pid: int) -> Process | None:
        """Look at a process that will be looked at again and again."""

    def unwatch(self, pid: int) -> None:
        """Let go of what `watch` keeps."""

    def look(self, pid: int) -> Process | None:
        """Look at a process once."""

    def pids(self) -> list[int]:
        """Every process of this host that we may see."""

    def detail(self, pid: int) -> Detail:
        """The figures that cost more."""

    def fds(self, pid: int) -> int | None:
        """How many descriptors are open; None where the system would not say."""

    def pss(self, pid: int) -> int | None:
        """Memory in which every page counts for its share; None where the system would not say."""

    def uptime(self, process: Process) -> float:
        """Seconds since it started."""

    def close(self) -> None:
        """Let go of everything."""


def default_probe() -> Probe:
    """The quick one where there is a /proc, else the portable one (`VISCRIPT_PORTABLE=1` forces it)."""
    if os.environ.get("VISCRIPT_PORTABLE") != "1" and Path("/proc/self/stat").exists():
        from viscript.usage.linux import LinuxProbe

        return LinuxProbe()
    from viscript.usage.portable import PortableProbe  # late: psutil costs 35 ms

    return PortableProbe()
