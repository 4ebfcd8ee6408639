"""The folder of a demo, and what ends a demo that was killed.

A demo holds a lock on `owner` in its folder. Its guard is a process of its own that waits for the demo's end
at a pipe, and then ends what is left. Where the guard was killed too, the next demo does it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from viscript.demo.scene import Scene
from viscript.prove.verdict import QUICK

PREFIX: Final = "viscript-demo-"
OWNER: Final = "owner"
GUARD: Final = "viscript.demo.guard"
GUARD_S: Final = 30.0
LIMIT_S: Final = 300.0  # for all steps of a script together


def scene_at(root: Path, environ: Mapping[str, str] = os.environ) -> Scene:
    """The home in this folder."""
    return Scene(root, QUICK, LIMIT_S, environ)


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder with its guard; what demos before left is ended first. Nothing is left of it."""
    end_left()
    root = Path(tempfile.mkdtemp(prefix=_prefix()))
    try:
        owner = os.open(root / OWNER, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(owner, fcntl.LOCK_EX)
            os.write(owner, b"%d\n" % os.getpid())
            with _guarded(root):
                yield root
        finally:
            os.close(owner)
    finally:
        shutil.rmtree(root, ignore_errors=True)  # also when there was no room for the rest


@contextmanager
def _guarded(root: Path) -> Iterator[None]:
    guard = subprocess.Popen(
        [sys.executable, "-P", "-m", GUARD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # what a terminal sends does not reach it
    )
    assert guard.stdin is not None
    try:
        yield
    finally:
        shutil.rmtree(root, ignore_errors=True)
        guard.stdin.close()
        guard.wait(GUARD_S)


def end_left() -> list[Path]:
    """End what demos left whose process is gone: their folders."""
    left = []
    for root in sorted(Path(tempfile.gettempdir()).glob(f"{_prefix()}*")):
        if _is_left(root):
            scene_at(root).close()
            left.append(root)
    return left


def _is_left(root: Path) -> bool:
    """Whether nobody holds its lock; a folder that is just being made has nothing written in `owner`."""
    if root.is_symlink() or not root.is_dir() or root.stat().st_uid != os.getuid():
        return False
    with suppress(OSError), (root / OWNER).open("rb") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return bool(owner.read(1))
    return False


def _prefix() -> str:
    return f"{PREFIX}{os.getuid()}-"
