"""Prepares the peers in a folder: Python ones in environments of their own, pm2 by npm, the others unpacked.

Nothing is installed on the machine. Each is fetched by its own ordinary client (pip, npm, apt-get).
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

_DEBIAN: Final = ("runit", "s6", "libs6-2.11", "libskarnet2.13", "libexecline2.9")
# Debian builds s6 with absolute names; without them it looks on PATH, as any other build of it does.
_ABSOLUTE: Final = b"/usr/bin/s6-supervise\0"


def install(folder: Path) -> list[str]:
    """Prepare all; what could not be prepared, in words."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs: dict[str, Callable[[Path], None]] = {
        "supervisor": lambda into: _python(into, "supervisor", "setuptools<81"),
        "circus": lambda into: _python(into, "circus"),
        "pm2": _npm,
        "debian": _debian,
    }
    faults = []
    for name, job in jobs.items():
        try:
            job(folder / name)
        except (OSError, subprocess.CalledProcessError) as exc:
            faults.append(f"{name}: {exc}")
    return faults


def _python(folder: Path, *packages: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/pip", "install", "--quiet", *packages], check=True)


def _npm(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "pm2"]
    subprocess.run(command, cwd=folder, check=True)


def _debian(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    subprocess.run(["apt-get", "download", "--quiet", *_DEBIAN], cwd=folder, check=True)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder], check=True)
    for program in ("runsvdir", "runsv", "sv", "svlogd"):
        found = next((path for path in folder.glob(f"usr/*bin/{program}")), None)
        if found and found.parent.name != "bin":
            shutil.copy2(found, folder / "usr/bin")
    scanner = folder / "usr/bin/s6-svscan"
    scanner.write_bytes(relative(scanner.read_bytes()))


def relative(program: bytes) -> bytes:
    """A program that looks for s6-supervise on PATH; its length stays."""
    name = Path(_ABSOLUTE.rstrip(b"\0").decode()).name.encode()
    return program.replace(_ABSOLUTE, name.ljust(len(_ABSOLUTE), b"\0"))
