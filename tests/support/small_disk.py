"""A home on a disk of its own that is soon full, seen by this home's daemon, keeper and apps only.

The disk is a tmpfs in a mount namespace of the daemon: nothing to unmount, it goes with its processes.
The sockets stay outside, so that commands reach the daemon as ever.
"""

import errno
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.home import ScratchHome

_SCRIPT: Final = """
root="$1" folder="$2" size="$3"; shift 3
mkdir "$root/../sockets" && mount --bind "$root/run" "$root/../sockets" || exit 90
mount -t tmpfs -o size="$size",mode=700 none "$folder" || exit 91
mkdir -p -m 700 "$root/run" && mount --bind "$root/../sockets" "$root/run" || exit 92
exec "$@"
"""


_FROZEN: Final = """
root="$1"; shift
mount --bind "$root" "$root" && mount -o remount,ro,bind "$root" || exit 93
exec "$@"
"""


def read_only(home: ScratchHome, *argv: str) -> subprocess.CompletedProcess[str]:
    """What `viscript ARGV` says where nothing in its home can be written."""
    command = [*_unshared(), "sh", "-c", _FROZEN, "sh", str(home.root), *home.command(*argv)]
    return subprocess.run(
        command, env=home.environ, capture_output=True, text=True, timeout=30, check=False, cwd="/"
    )


def _unshared() -> list[str]:
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


@dataclass
class SmallDisk:
    """`folder` of a home is a disk of `size`; the daemon that uses it is started here."""

    home: ScratchHome
    folder: Path
    size: str

    def start_daemon(self, config: str) -> int:
        """Start the daemon upon the small disk. Its pid."""
        (self.home.root / "run").mkdir(mode=0o700)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        file = self.home.root.parent / "config.yaml"
        file.write_text(config)
        place = (str(self.home.root), str(self.folder), self.size)
        daemon = self.home.command("daemon", "--config", str(file), "--detach")
        argv = [*_unshared(), "sh", "-c", _SCRIPT, "sh", *place, *daemon]
        subprocess.run(argv, env=self.home.environ, stdin=subprocess.DEVNULL, check=True, timeout=30)
        return self.home.daemon_pid()

    def inside(self, path: Path) -> Path:
        """The same path as the daemon sees it."""
        return Path(f"/proc/{self.home.daemon_pid()}/root{path}")

    def fill(self) -> None:
        """Take all the room that is left."""
        with self.inside(self.folder / "filler").open("ab", buffering=0) as filler:
            for block in (1 << 16, 1 << 12, 1):
                _write_until_full(filler.fileno(), bytes(block))

    def free(self) -> None:
        """Give it back."""
        self.inside(self.folder / "filler").unlink()


def _write_until_full(fd: int, block: bytes) -> None:
    try:
        while os.write(fd, block) == len(block):
            pass
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise
