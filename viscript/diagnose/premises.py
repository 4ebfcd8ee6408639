"""Is this home fit: its folders, sockets, store, disk, pipes. Looks, and changes nothing."""

import fcntl
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from viscript.diagnose.finding import Finding, bad, doubtful, good
from viscript.home import Home, is_ours

SOCKET_PATH_MAX: Final = 107
_PIPE_BYTES: Final = 65536
_MIB: Final = 1 << 20
_LITTLE_SPACE: Final = 500 * _MIB
_NO_SPACE: Final = 10 * _MIB


def folders(home: Home) -> Finding:
    """Whether the home is ours, and its secrets are secret."""
    if not Path(home.root).exists():
        return good("home", f"{home.root} does not exist yet; the first start makes it")
    if not is_ours(home.root):
        return bad(
            "home", f"{home.root} is not yours, or others may write to it", f"chown and chmod {home.root}"
        )
    for path in (home.keys, home.keeper, home.logs, home.run, home.identity):
        open_to = _open_to_others(path)
        if open_to:
            return bad("home", f"{path} is open to others (mode {open_to:o})", f"chmod go= {path}")
    return good("home", f"{home.root} is yours alone")


def sockets(home: Home) -> Finding:
    """Whether the paths of the sockets are short enough for the system."""
    paths = (home.verbs_socket, home.keeper_socket, home.bus_socket, home.events_socket, home.apps_socket)
    longest = max(paths, key=lambda path: len(os.fsencode(path)))
    size = len(os.fsencode(longest))
    if size > SOCKET_PATH_MAX:
        return bad("sockets", f"{longest} has {size} bytes, {SOCKET_PATH_MAX} fit", "choose a shorter home")
    return good("sockets", f"the longest path has {size} of {SOCKET_PATH_MAX} bytes")


def store(home: Home) -> Finding:
    """Whether the embedded store is whole."""
    path = Path(home.database)
    if not path.exists():
        return good("store", "none yet")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as exc:
        return bad(
            "store", f"{path} cannot be read: {exc}", "stop the daemon, move the file away, start again"
        )
    if verdict != "ok":
        return bad("store", f"{path} is damaged: {verdict}", "stop the daemon and restore it from a copy")
    return good("store", f"{path} is whole")


def disk(home: Home) -> Finding:
    """Whether logs and store have room to grow."""
    place = next(path for path in (Path(home.root), *Path(home.root).parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"{free // _MIB} MiB free at {place}"
    if free < _NO_SPACE:
        return bad("disk", text, "free some space: logs pause and the store cannot be written")
    return doubtful("disk", text, "free some space") if free < _LITTLE_SPACE else good("disk", text)


def pipes(home: Home) -> Finding:
    """Whether the system made the apps' pipes small: it does so beyond a user's quota."""
    sizes = list(_pipe_sizes(Path(home.keeper)))
    small = sum(size < _PIPE_BYTES for size in sizes)
    if small:
        return doubtful(
            "pipes",
            f"{small} of {len(sizes)} apps have small pipes and may wait when they write much",
            "raise fs.pipe-user-pages-soft (sysctl), then restart them",
        )
    return good("pipes", f"{len(sizes)} of full size" if sizes else "none open")


def newest_write(home: Home) -> float | None:
    """When anything of ours was last written, in seconds since the epoch."""
    times = []
    for path in (home.database, f"{home.database}-wal", home.daemon_log, home.keeper_log):
        try:
            times.append(Path(path).stat().st_mtime)
        except OSError:
            continue
    return max(times, default=None)


def _open_to_others(path: str) -> int:
    """The mode of what others may read or enter; 0 when they may not, or there is no such thing."""
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
    except OSError:
        return 0
    return mode if mode & 0o077 else 0


def _pipe_sizes(folder: Path) -> Iterator[int]:
    """The keeper holds these pipes open for writing: opening them here neither waits nor ends anything."""
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            if not path.is_fifo():
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            yield fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
        except (OSError, AttributeError):  # no such call on this system
            continue
        finally:
            os.close(descriptor)
