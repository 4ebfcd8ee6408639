"""The daemon that holds a home already: who it is, whether it answers, and what to do."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ASK_SECONDS: Final = 1.0  # with the start of Python, who is refused knows why within two seconds
_QUESTION: Final = b'{"v":1,"argv":["version"],"cwd":"/","mode":"oneshot"}\n'
_STOPPED: Final = frozenset({"T", "t"})


def sentence(facts: Mapping[str, Any], door: str, now: float) -> str:
    """Why a second daemon does not start."""
    pid = facts.get("pid")
    config = facts.get("config") or "none"
    uptime = max(0.0, now - float(facts.get("started_at", 0.0)))
    who = f"pid {pid}, config {config}, up {uptime:.0f} s"
    if isinstance(pid, int) and _state_of(pid) in _STOPPED:
        return (
            f"a daemon holds this home and does not answer, since it is stopped: {who}"
            f" (kill -CONT {pid} lets it go on; kill -9 {pid} ends it, its apps go on)"
        )
    if not answers(door):
        return (
            f"a daemon holds this home and does not answer within {ASK_SECONDS:g} s: {who}"
            f" (it may be coming up, or busy; kill -9 {pid} ends it, its apps go on)"
        )
    return (
        f"a daemon runs on this home already: {who}"
        " (viscript daemon stop ends it; VISCRIPT_HOME chooses another home)"
    )


def answers(door: str, seconds: float = ASK_SECONDS) -> bool:
    """Whether somebody says a word at that socket in time."""
    until = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(seconds)
        try:
            asked.connect(door)
            asked.sendall(_QUESTION)
            asked.settimeout(max(until - time.monotonic(), 0.001))
            return bool(asked.recv(1))
        except OSError:
            return False


def _state_of(pid: int) -> str:
    """The letter of its state; empty where nobody tells."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return ""
