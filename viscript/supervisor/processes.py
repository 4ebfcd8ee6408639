"""Small questions about a process that the kernel answers at once."""

import os
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process with that pid runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return _signalled(pid)
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


def _signalled(pid: int) -> bool:
    """The portable question, where there is no /proc."""
    if Path("/proc/self").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
