"""Trial of a full disk: logging pauses and says so, apps and daemon live on, and it resumes.

The disk is a small tmpfs in a mount namespace of the scratch home's daemon: there is nothing to unmount, it
goes with its processes. That takes root, or a system that lets users make namespaces.
"""

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from viscript.prove.output import LINE_BYTES, tallied
from viscript.prove.programs import WITNESS, program
from viscript.prove.stage import Stage
from viscript.prove.verdict import NotTried, Proof, expect

SIZE: Final = "2m"
_MOUNT: Final = 'mount -t tmpfs -o "size=$1,mode=700" none "$2" || exit 90; shift 2; exec "$@"'


def fill(stage: Stage) -> Proof:
    """Fill the disk that the logs are on, and empty it again."""
    namespace = _namespace()
    tally = stage.root / "tally"
    stage.configure({"witness": program(WITNESS, str(stage.root), tally)})
    logs = Path(stage.home.logs)
    logs.mkdir(mode=0o700)
    upon = (*namespace, "sh", "-c", _MOUNT, "sh", SIZE, str(logs))
    said = stage.command("daemon", "--config", str(stage.config), "--detach", before=upon)
    if said.code == 90:
        raise NotTried(f"a small disk cannot be mounted here: {said.err.strip()}")
    expect(said.code == 0, f"the daemon did not start on a small disk: {said.err.strip()}")
    pid = stage.done("s", "witness", "-o", "json").json()["pid"]
    filler = Path(f"/proc/{stage.daemon().pid}/root{logs}/filler")
    _take_all(filler)
    stage.until(lambda: stage.events("log.paused"), "the daemon says that logging pauses")
    _writes_on(stage, tally)
    expect(stage.row()["pid"] == pid, "the app is another one")
    filler.unlink()
    stage.until(lambda: stage.events("log.resumed"), "the daemon says that logging goes on")
    _writes_on(stage, tally)
    stage.done("sd", "1")
    return _account(stage, filler.parent / "1-witness", tally)


def _account(stage: Stage, folder: Path, tally: Path) -> Proof:
    """Every byte is kept, or told to be lost."""
    kept = sum(path.stat().st_size for path in folder.glob("0*.log"))
    lost = sum(event["data"]["lost"] for event in stage.events("log.resumed"))
    written, longest = tallied(tally)
    figures = {
        "kept_bytes": kept,
        "lost_bytes": lost,
        "written_bytes": written * LINE_BYTES,
        "stall_seconds": longest,
    }
    text = f"{written * LINE_BYTES} bytes were written, {kept} kept, {lost} told to be lost"
    expect(kept + lost == written * LINE_BYTES, text, **figures)
    stall = 0.5 * stage.pace.patience
    expect(longest < stall, f"the app's write took {longest:.2f} s", **figures)
    return Proof(f"logging paused, said so and resumed; {lost} bytes lost, and told", figures)


def _writes_on(stage: Stage, tally: Path) -> None:
    have = tallied(tally)[0]
    stage.until(lambda: tallied(tally)[0] > have + 200, "the app writes on")


def _namespace() -> tuple[str, ...]:
    """The command that gives a process mounts of its own. Raises `NotTried` where there is none."""
    if not shutil.which("unshare"):
        raise NotTried("needs Linux with `unshare`, to fill a disk that is nobody's")
    ways = ((), ("--map-root-user",)) if os.geteuid() == 0 else (("--map-root-user",),)
    for way in ways:
        command = ("unshare", "--mount", *way)
        tried = subprocess.run([*command, "true"], capture_output=True, check=False, timeout=10)
        if tried.returncode == 0:
            return command
    raise NotTried("needs root, or user namespaces, to fill a disk that is nobody's")


def _take_all(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        for block in (1 << 16, 1 << 12, 1):
            _write_until_full(file.fileno(), bytes(block))


def _write_until_full(fd: int, block: bytes) -> None:
    try:
        while os.write(fd, block) == len(block):
            continue
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise
