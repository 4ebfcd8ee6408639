"""`daemon upgrade`: the daemon ends, the installed one takes its place; the apps go on."""

import fcntl
import os
import time
from pathlib import Path

from viscript.errors import ExitCode, VerbError
from viscript.local import launch
from viscript.local.ask import ask
from viscript.local.client import Client
from viscript.verbs.table import Call, Outcome

GONE_S = 10.0
_LOOK_S = 0.01


def answer(client: Client, call: Call) -> Outcome:
    """Who runs now. Raises `VerbError` when there was no daemon, or the next one does not come up."""
    try:
        before = launch.running(client)
        if before is None:
            raise VerbError(ExitCode.UNREACHABLE, "no daemon runs; start one with: viscript daemon --detach")
        ask(client, ["daemon", "stop"])
        _await_end(client.home.daemon_lock, before.pid)
        after = _next(client, before)
    except launch.LaunchError as exc:
        raise VerbError(launch.exit_code(exc.code), exc.text) from exc
    text = f"{after.sentence()}; it took the place of {before.pid}, the apps went on"
    return Outcome(text=text, notes=(*after.faults, *_unused(client, after)))


def _unused(client: Client, after: launch.Running) -> tuple[str, ...]:
    """A file that was written after the first daemon came up is not in use by itself."""
    file = Path(client.home.root, "config.yaml")
    if after.config or not file.is_file():
        return ()
    return (f"{file} is not in use, since none was when the daemon came up: viscript apply {file}",)


def _await_end(lock: str, pid: int) -> None:
    """Wait until the lock of the home is free, or another daemon has it: a service manager may be faster."""
    deadline = time.monotonic() + GONE_S
    descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOOK_S)
            else:
                return
    finally:
        os.close(descriptor)
    raise VerbError(ExitCode.TIMED_OUT, f"the daemon (pid {pid}) was told to end and has not in {GONE_S:g} s")


def _next(client: Client, before: launch.Running) -> launch.Running:
    """Start the next one, unless a service manager has done so."""
    try:
        return launch.start(client, config=before.config or None, trust_folder=bool(before.config))
    except launch.LaunchError:
        found = launch.running(client)
        if found is None or found.pid == before.pid:
            raise
        return found
