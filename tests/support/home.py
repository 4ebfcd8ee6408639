"""A scratch home with a real daemon, driven from outside the way a person would: by the command line."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.support.groups import remove_groups
from tests.support.processes import described, end, processes_of
from tests.support.wait import eventually

# What the person who runs the tests has set must not reach a test; names that begin with one of these.
FOREIGN = ("VISCRIPT_", "SIGNAL_", "XDG_", "NO_COLOR", "COLUMNS")


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # Any: the shape differs by verb
        """The one JSON document on stdout."""
        return json.loads(self.out)

    def ok(self) -> "Answer":
        """This answer, if the command succeeded; raises `AssertionError` with its output if not."""
        assert self.code == 0, f"exit {self.code}\nstdout: {self.out}\nstderr: {self.err}"
        return self


@dataclass
class ScratchHome:
    """One VISCRIPT_HOME under `root`. No daemon runs until `start_daemon`."""

    root: Path
    python: str = sys.executable
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the surroundings of the test, less what could reach another home."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        self.environ = {**kept, **self.environ, "VISCRIPT_HOME": str(self.root)}

    def command(self, *argv: str) -> list[str]:
        """The command line of `viscript ARGV` for this interpreter."""
        return [self.python, "-P", "-m", "viscript", *argv]

    def viscript(
        self,
        *argv: str,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        """Run `viscript ARGV` and give what it answered. stdin is empty unless text is given."""
        done = subprocess.run(
            self.command(*argv),
            env={**self.environ, **(env or {})},
            cwd=cwd or self.root,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
            input=stdin or "",
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def start_daemon(self, config: str | Path | None = None, *options: str) -> int:
        """Start the daemon in the background, with `config` (text, or a file) if given. Its pid."""
        if config is not None:
            options = ("--config", str(self.write_config(config)), *options)
        self.viscript("daemon", *options, "--detach").ok()
        return self.daemon_pid()

    def write_config(self, config: str | Path) -> Path:
        """A file that holds `config`: itself when it is one, else config.yaml of this home."""
        if isinstance(config, Path):
            return config
        path = self.root / "config.yaml"
        path.write_text(config, encoding="utf-8")
        return path

    def daemon_pid(self) -> int:
        """The daemon's pid; waits for it to appear."""
        return eventually(lambda: self._pid("viscript.daemon"))

    def keeper_pid(self) -> int:
        """The keeper's pid; waits for it to appear."""
        return eventually(lambda: self._pid("viscript.keeper"))

    def kill_daemon(self) -> int:
        """SIGKILL the daemon, wait until it is gone; the pid it had."""
        return self._kill("viscript.daemon")

    def kill_keeper(self) -> int:
        """SIGKILL the keeper, wait until it is gone; the pid it had."""
        return self._kill("viscript.keeper")

    def processes(self) -> list[psutil.Process]:
        """All that runs in this home: daemon, keeper, apps."""
        return processes_of(self.root)

    def named(self, name: str) -> dict[int, list[str]]:
        """Pid and command line of each program of that name that runs in this home."""
        found: dict[int, list[str]] = {}
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile
                if process.name() == name:
                    found[process.pid] = process.cmdline()
        return found

    def end_daemon(self) -> None:
        """Stop the daemon and every app by the verb; raises if anything but the keeper stays."""
        if self._pid("viscript.daemon"):
            stopped = self.viscript("daemon", "stop", "--stop-all")
            assert stopped.code in (0, 4), stopped  # 4: it is on its way out already
            self._await_the_end()

    def close(self) -> None:
        """Kill whatever still runs here: daemon first, so that nothing is started again."""
        for module in ("viscript.daemon", "viscript.keeper"):
            end([process for process in self.processes() if module in described([process])[0]])
        end(self.processes())
        remove_groups(self.root)

    def _pid(self, module: str) -> int:
        for process in self.processes():
            try:
                if module in process.cmdline():
                    return process.pid
            except psutil.Error:
                continue
        return 0

    def _await_the_end(self) -> None:
        """All but the keeper is gone. Raises `AssertionError` with what is not, and the daemon's log."""
        try:
            eventually(lambda: not self._besides_the_keeper())
        except AssertionError as exc:
            log = (self.root / "log" / "daemon.log").read_text().splitlines()[-15:]
            left = "\n".join([*self._besides_the_keeper(), *log])
            raise AssertionError(f"still there after `daemon stop --stop-all`:\n{left}") from exc

    def _besides_the_keeper(self) -> list[str]:
        return [line for line in described(self.processes()) if "viscript.keeper" not in line]

    def _kill(self, module: str) -> int:
        pid = eventually(lambda: self._pid(module))
        end([psutil.Process(pid)])
        return pid
