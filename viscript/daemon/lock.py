"""One daemon a home: a lock held as long as it lives, and a file that says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from viscript.daemon.holder import sentence
from viscript.errors import ExitCode, VerbError


class DaemonLock:
    """Taken before anything else is touched; released by the kernel, however the daemon ends."""

    def __init__(self, lock: str, facts: str, door: str) -> None:
        self._lock = Path(lock)
        self._facts = Path(facts)
        self._door = door
        self._fd = -1

    def take(self, config: str) -> None:
        """Take the lock and write the facts. Raises VerbError naming the first daemon."""
        self._fd = self._open()
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise VerbError(ExitCode.FAILED, self._already()) from None
        self._say_who(config)

    def release(self) -> None:
        """Give the lock back; the facts go first."""
        self._facts.unlink(missing_ok=True)
        os.close(self._fd)

    def _open(self) -> int:
        try:
            return os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            text = f"a daemon must be able to write in its home: {self._lock}: {exc.strerror}"
            raise VerbError(ExitCode.FAILED, text) from exc

    def _say_who(self, config: str) -> None:
        draft = self._facts.with_suffix(".new")
        try:
            draft.write_text(json.dumps({"pid": os.getpid(), "config": config, "started_at": time.time()}))
            draft.chmod(0o600)
            draft.replace(self._facts)
        except OSError:  # the disk is full: the lock counts, and old facts must not be taken for ours
            for file in (draft, self._facts):
                file.unlink(missing_ok=True)

    def _already(self) -> str:
        facts = read_facts(self._facts)
        if facts is None:
            return f"a daemon is starting on this home already ({self._lock} is locked)"
        return sentence(facts, self._door, time.time())


def read_facts(path: Path) -> dict[str, Any] | None:
    """What the holder of the lock wrote; None when there is nothing to read."""
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict) or not isinstance(facts.get("started_at"), int | float):
        return None
    return facts
