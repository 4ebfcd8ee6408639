"""A home on a disk of its own that is soon full, seen by this home's daemon, keeper and apps only.

The disk is a tmpfs in a mount namespace of the daemon: nothing to unmount, it goes with its processes.
The sockets stay outside, so that commands reach the daemon as ever.
"""

import errno
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.home import ScratchHome

_SCRIPT = """
root="$1" folder="$2" size="$3"; shift 3
mkdir "$root/../sockets" && mount --bind "$root/run" "$root/../sockets" || exit 90
mount -t tmpfs -o size="$size",mode=700 none "$folder" || exit 91
mkdir -p -m 700 "$root/run" && mount --bind "$root/../sockets" "$root/run" || exit 92
exec "$@"
"""


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
        unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        place = (str(self.home.root), str(self.folder), self.size)
        daemon = self.home.command("daemon", "--config", str(file), "--detach")
        argv = [*unshare, "sh", "-c", _SCRIPT, "sh", *place, *daemon]
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
