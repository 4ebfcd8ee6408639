"""Whether a folder lies on a file system of another host, where a write-ahead log does not work."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

SHARED: Final = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2")
)
_TABLE: Final = Path("/proc/self/mountinfo")


def network_kind(folder: Path) -> str:
    """The kind of the network file system the folder is on; empty where it is a local one, or unknown."""
    try:
        table = _TABLE.read_text(errors="surrogateescape")
    except OSError:  # a system without it
        return ""
    kind = kind_of(table, os.path.realpath(folder))
    return kind if kind in SHARED or kind.startswith("fuse.ssh") else ""


def kind_of(table: str, path: str) -> str:
    """The kind of the file system a path is on, by the lines of mountinfo; the last mount counts. Pure."""
    best, kind = -1, ""
    for line in table.splitlines():
        place, _, rest = line.partition(" - ")
        fields = place.split(" ")
        if len(fields) < 5 or not rest:
            continue
        mount = _unescaped(fields[4]).rstrip("/")
        inside = path == mount or path.startswith(mount + "/")
        if inside and len(mount) >= best:
            best, kind = len(mount), rest.split(" ")[0]
    return kind


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
