"""One daemon a home: a lock held as long as it lives, and a file that says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from viscript.errors import ExitCode, VerbError


class DaemonLock:
    """Taken before anything else is touched; released by the kernel, however the daemon ends."""

    def __init__(self, lock: str, facts: str) -> None:
        self._lock = Path(lock)
        self._facts = Path(facts)
        self._fd = -1

    def take(self, config: str) -> None:
        """Take the lock and write the facts. Raises VerbError naming the first daemon."""
        self._fd = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise VerbError(ExitCode.FAILED, self._already()) from None
        draft = self._facts.with_suffix(".new")
        draft.write_text(json.dumps({"pid": os.getpid(), "config": config, "started_at": time.time()}))
        draft.chmod(0o600)
        draft.replace(self._facts)

    def release(self) -> None:
        """Give the lock back; the facts go first."""
        self._facts.unlink(missing_ok=True)
        os.close(self._fd)

    def _already(self) -> str:
        facts = read_facts(self._facts)
        if facts is None:
            return f"a daemon is starting on this home already ({self._lock} is locked)"
        uptime = max(0.0, time.time() - float(facts.get("started_at", 0.0)))
        config = facts.get("config") or "none"
        return (
            f"a daemon runs on this home already: pid {facts.get('pid')}, config {config},"
            f" up {uptime:.0f} s (viscript daemon stop ends it; VISCRIPT_HOME chooses another home)"
        )


def read_facts(path: Path) -> dict[str, Any] | None:
    """What the holder of the lock wrote; None when there is nothing to read."""
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict) or not isinstance(facts.get("started_at"), int | float):
        return None
    return facts
