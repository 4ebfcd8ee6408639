"""What every adapter offers. A peer is made for one visit: a folder, its programs, one daemon."""

import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
LOG_SEGMENT_BYTES = 50_000_000
LOG_SEGMENTS = 10
# What whoever runs this has set must not reach a peer; one that is installed has its bytecode.
_FOREIGN = ("PYTHONDONTWRITEBYTECODE", "VISCRIPT_", "SIGNAL_", "XDG_", "PM2_", "NO_COLOR", "COLUMNS")


class Program(NamedTuple):
    """An app to be supervised."""

    name: str
    argv: tuple[str, ...]


class Peer(ABC):
    """The adapter of one supervisor; a subclass a supervisor."""

    name: ClassVar[str]
    note: ClassVar[str]
    stable_s: ClassVar[float] = 1.3  # a child that ran longer than this is respawned as fast as the peer can

    def __init__(self, tools: Path | None, folder: Path) -> None:
        self.tools = tools
        self.folder = folder
        self.programs: Sequence[Program] = ()
        self._daemon: subprocess.Popen[bytes] | None = None

    @classmethod
    @abstractmethod
    def missing(cls, tools: Path | None) -> str:
        """Why this peer cannot be measured here; empty when it can."""

    @abstractmethod
    def configure(self, programs: Sequence[Program], *, log: bool) -> None:
        """Write the configuration; with `log`, output goes to rotated files."""

    @abstractmethod
    def daemon_argv(self) -> list[str]:
        """The command that starts the daemon and all programs."""

    @abstractmethod
    def driver_argv(self) -> list[str]:
        """The command of its driver."""

    @abstractmethod
    def oneshot_all(self) -> list[str]:
        """The command a person types to see all programs."""

    @abstractmethod
    def oneshot_one(self) -> list[str]:
        """The same for the first program."""

    @abstractmethod
    def logs(self) -> list[Path]:
        """The files that hold what the programs wrote."""

    def environ(self) -> dict[str, str]:
        """The environment of all its processes."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
        return {**kept, "PYTHONPATH": str(REPOSITORY), **self.extra_environ()}

    def extra_environ(self) -> Mapping[str, str]:
        """What this peer needs beside that."""
        return {}

    def start(self) -> None:
        """Start the daemon in the background."""
        with (self.folder / "daemon.out").open("ab") as out:
            self._daemon = subprocess.Popen(
                self.daemon_argv(),
                cwd=self.folder,
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        """The end of what the daemon printed, for a report of what went wrong."""
        path = self.folder / "daemon.out"
        return path.read_text(errors="replace")[-400:] if path.exists() else ""

    def roots(self) -> list[int]:
        """The processes whose families are the supervisor; the first is the daemon."""
        return [self._daemon.pid] if self._daemon else []

    def end(self) -> None:
        """Ask the daemon to end, with all it started."""
        if self._daemon:
            self._daemon.send_signal(signal.SIGTERM)

    def reap(self) -> None:
        """Let go of the daemon's process if it has ended."""
        if self._daemon:
            self._daemon.poll()

    def driver(self, module: str, settings: str, python: str | None = None) -> list[str]:
        """The command of a driver in Python."""
        return [python or sys.executable, "-P", "-m", f"bench.drivers.{module}", settings]


def run_quietly(argv: Sequence[str], *, environ: Mapping[str, str], cwd: Path, seconds: float = 80.0) -> int:
    """Run a command to its end; its exit code. Raises `TimeoutExpired`."""
    return subprocess.run(
        argv,
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=seconds,
        check=False,
    ).returncode


def missing_file(tools: Path | None, name: str) -> str:
    """Why a file of the tools is not there; empty when it is."""
    if tools is None:
        return "not prepared: --peers DIR or BENCH_PEERS says where `--install DIR` put it"
    return "" if (tools / name).exists() else f"{name} is not in the folder of peers"
