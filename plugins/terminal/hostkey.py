"""The terminal's SSH host key: drawn once and kept, so that `ssh` finds the same one each time.

It has nothing to do with the node's identity: that key serves the mesh alone. What proves the host is the
stream, which ends at the node whose key was dialled.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import asyncssh

from components.visor.app import Misuse

ALGORITHM: Final = "ssh-ed25519"
FILE: Final = "ssh_host_key"


def place(given: Path | None, state: str) -> Path | None:
    """Where it is kept: the file that was given, the app's own folder, or nowhere."""
    if given is not None:
        return given
    return Path(state) / FILE if state else None


def load(path: Path | None) -> asyncssh.SSHKey:
    """The key of that file, made when it is missing; without a file, one for now. Raises `Misuse`."""
    if path is None:
        return asyncssh.generate_private_key(ALGORITHM)
    try:
        if not path.exists():
            _make(path)
        return asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError) as exc:
        raise Misuse(f"the host key in {path}: {exc}") from exc


def _make(path: Path) -> None:
    """Write a new one; whole, or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    text = asyncssh.generate_private_key(ALGORITHM).export_private_key()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
