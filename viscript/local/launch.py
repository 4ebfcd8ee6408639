"""Starting a daemon in the background and waiting until it answers verbs."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from viscript.errors import ExitCode, ViscriptError
from viscript.home import Home, HomeError, make_home
from viscript.local.ask import ask
from viscript.local.client import Client
from viscript.local.door import DoorError

DEADLINE_S = 20.0
_POLL_S = 0.01


class LaunchError(ViscriptError):
    """The daemon did not come up; `code` is its own exit code, or ours."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Running:
    """A daemon that answers."""

    pid: int
    config: str
    faults: tuple[str, ...] = ()  # it came up without what is wrong

    def sentence(self) -> str:
        """One line for people: who runs, and by which file."""
        return f"daemon {self.pid} runs; configuration: {self.config or 'none found'}"


def daemon_command(config: str | None, *options: str) -> list[str]:
    """The command line of the daemon's own process."""
    chosen = ("--config", config) if config else ()
    return [sys.executable, "-P", "-m", "viscript.daemon", *options, *chosen]


def running(client: Client) -> Running | None:
    """The daemon of this home, if one answers."""
    try:
        facts = ask(client, ["daemon", "status", "-o", "json"]).json()
    except DoorError as exc:
        if exc.code is ExitCode.UNREACHABLE:
            return None
        raise LaunchError(int(exc.code), exc.text) from exc
    if not isinstance(facts, dict) or "pid" not in facts:
        return None
    faults = tuple(map(str, facts.get("faults") or ()))
    return Running(int(facts["pid"]), str(facts.get("config") or ""), faults)


def start(client: Client, *, config: str | None = None, trust_folder: bool = True) -> Running:
    """Start a daemon that outlives us; it looks for a config.yaml in our folder if that is trusted.

    Raises `LaunchError` with what it said when it does not come up.
    """
    try:
        make_home(client.home)
    except HomeError as exc:
        raise LaunchError(ExitCode.NOT_PERMITTED, str(exc)) from exc
    said = Path(client.home.log, "daemon.err")
    with _sink(said) as sink:
        child = subprocess.Popen(
            daemon_command(config, "--guarded", *(() if trust_folder else ("--no-config",))),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=dict(client.environ),
            start_new_session=True,
        )
    found = _await_answer(client, child, said)
    child.returncode = 0  # it is not ours to wait for any more
    return found


def ensure(client: Client, *, trust_folder: bool = True) -> tuple[Running, bool]:
    """The daemon of this home, started if none runs; and whether it was started now."""
    found = running(client)
    return (found, False) if found else (start(client, trust_folder=trust_folder), True)


def replace(client: Client, config: str | None) -> None:
    """Become the daemon, in the foreground. Returns only by an exception."""
    try:
        make_home(client.home)
    except HomeError as exc:
        raise LaunchError(ExitCode.NOT_PERMITTED, str(exc)) from exc
    command = daemon_command(config)
    os.execve(command[0], command, dict(client.environ))


def _await_answer(client: Client, child: subprocess.Popen[bytes], said: Path) -> Running:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        code = child.poll()
        if code is not None:
            raise LaunchError(exit_code(code), _last_words(said, code))
        found = running(client) if _holds(client.home, child.pid) else None
        if found and found.pid == child.pid:
            return found
        time.sleep(_POLL_S)
    child.returncode = 0
    raise LaunchError(
        ExitCode.TIMED_OUT,
        f"the daemon (pid {child.pid}) runs but has not answered in {DEADLINE_S:g} s; "
        f"its log: {client.home.daemon_log}",
    )


def _holds(home: Home, pid: int) -> bool:
    """Whether that daemon has the home; another that holds it may be frozen, and is not asked."""
    try:
        facts = json.loads(Path(home.daemon_facts).read_bytes())
    except (OSError, ValueError):
        facts = {}  # not written yet, or there was no room for it
    other = isinstance(facts, dict) and facts.get("pid", pid) != pid
    return not other and os.path.exists(home.verbs_socket)  # noqa: PTH110


def exit_code(code: int) -> ExitCode:
    """The code as one of ours; what has no meaning here is a failure."""
    try:
        return ExitCode(code)
    except ValueError:
        return ExitCode.FAILED


def _last_words(said: Path, code: int) -> str:
    text = said.read_text(errors="replace").strip()
    return text.removeprefix("viscript: ") or f"the daemon ended at once (status {code})"


def _sink(said: Path) -> BinaryIO:
    """Where a daemon speaks before its log is open. Raises `LaunchError`."""
    try:
        return open(said, "wb", opener=_private)
    except OSError as exc:
        raise LaunchError(ExitCode.FAILED, f"cannot write {said}: {exc.strerror}") from exc


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
