"""A scratch home with a daemon of its own, driven from outside the way a person would."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

from viscript.home import find_home
from viscript.prove import strays
from viscript.prove.asking import Asked, Said
from viscript.prove.programs import App
from viscript.prove.verdict import BrokenPromise, Pace

T = TypeVar("T")
Row = dict[str, Any]  # a row of `la -o json`, an event: JSON as it came

DAEMON: Final = "viscript.daemon"
KEEPER: Final = "viscript.keeper"
PLUGIN_HOST: Final = "viscript.pluginhost.worker"  # plugins that are installed here are in every home
_OURS: Final = (DAEMON, KEEPER, PLUGIN_HOST)
LOOK_S: Final = 0.02
START_S: Final = 30.0
ANSWER_S: Final = 60.0
MOST_ROUNDS: Final = 100
# What the user has set for his own home must not reach the scratch home.
_FOREIGN: Final = ("VISCRIPT_", "SIGNAL_", "XDG_", "PYTHONPATH")


class Stage:
    """One home under `root`, which is removed with all that runs in it. Nothing runs before `open`."""

    def __init__(
        self, root: Path, pace: Pace, limit_s: float, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.root = root
        self.pace = pace
        self.environ = {name: value for name, value in environ.items() if not name.startswith(_FOREIGN)}
        self.environ["VISCRIPT_HOME"] = str(root)
        self.home = find_home(self.environ)
        self._end = time.monotonic() + limit_s
        self._limit_s = limit_s

    def open(self, apps: Mapping[str, App], **sections: object) -> None:
        """Write the configuration and start the daemon."""
        self.configure(apps, **sections)
        self.start_daemon()

    def configure(self, apps: Mapping[str, App], **sections: object) -> Path:
        """The file that holds these apps; JSON is YAML."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        self.config.write_text(json.dumps({"apps": apps, **sections}, indent=1), encoding="utf-8")
        return self.config

    @property
    def config(self) -> Path:
        """The configuration of this home."""
        return self.root / "config.yaml"

    def start_daemon(self) -> None:
        """Start the daemon as a user does. Raises `BrokenPromise` when it does not come up."""
        said = self.command("daemon", "--config", str(self.config), "--detach")
        if said.code:
            raise BrokenPromise(f"the daemon did not start: {said.err.strip()}")

    def argv(self, *argv: str) -> list[str]:
        """The command line of `viscript ARGV`."""
        return [sys.executable, "-P", "-m", "viscript", *argv]

    def command(self, *argv: str, before: tuple[str, ...] = ()) -> Said:
        """Run `viscript ARGV` as a process. Raises `BrokenPromise` when it does not end."""
        try:
            done = subprocess.run(
                [*before, *self.argv(*argv)],
                env=self.environ,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=min(START_S, self.left()),
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise BrokenPromise(f"`viscript {' '.join(argv)}` did not end") from exc
        return Said(done.returncode, done.stdout, done.stderr)

    def ask(self, *argv: str) -> Said:
        """What the daemon says to a verb, without a process. Raises `BrokenPromise` when it is away."""
        with self.begin(*argv) as asked:
            return asked.answer(min(ANSWER_S * self.pace.patience, self.left()))

    def begin(self, *argv: str) -> Asked:
        """Ask a verb and come back before it is answered."""
        try:
            return Asked(self.home.verbs_socket, argv)
        except OSError as exc:
            raise BrokenPromise(f"the daemon cannot be asked: {exc.strerror or exc}") from exc

    def done(self, *argv: str) -> Said:
        """The same, for a verb that must succeed."""
        said = self.ask(*argv)
        if said.code:
            raise BrokenPromise(f"`{' '.join(argv)}` ended with {said.code}: {said.err.strip()}")
        return said

    def answers(self) -> bool:
        """Whether the daemon does."""
        try:
            return self.ask("la").code == 0
        except BrokenPromise:
            return False

    def rows(self) -> dict[int, Row]:
        """What `la -a` says, by id."""
        return {row["id"]: row for row in self.done("la", "-a", "-o", "json").json()}

    def row(self, seq: int = 1) -> Row:
        """What `la -a` says of one id. Raises `BrokenPromise` when it is not there."""
        rows = self.rows()
        if seq not in rows:
            raise BrokenPromise(f"id {seq} is not listed")
        return rows[seq]

    def pids(self) -> dict[int, int]:
        """The pid of all that runs, by id."""
        return {seq: row["pid"] for seq, row in self.rows().items() if row["pid"]}

    def events(self, kind: str = "", seq: int = 0) -> list[Row]:
        """The events so far: of one type, of one id, if given."""
        lines = self.done("events", "-n", "100000", "-o", "jsonl").out.splitlines()
        return [
            event
            for event in map(json.loads, lines)
            if kind in ("", event["type"]) and (not seq or event["object"] == f"app/{seq}")
        ]

    def segments(self, name: str) -> list[Path]:
        """The files that hold what an app wrote, in order."""
        return sorted(Path(self.home.logs).glob(f"*-{name}/*[0-9].log"))

    def output(self, name: str) -> bytes:
        """Every byte an app wrote, straight from the disk."""
        return b"".join(path.read_bytes() for path in self.segments(name))

    def daemon(self) -> psutil.Process:
        """The daemon; waits for it to be there."""
        return self.until(lambda: self._process(DAEMON), "a daemon runs")

    def keeper(self) -> psutil.Process:
        """The keeper; waits for it to be there."""
        return self.until(lambda: self._process(KEEPER), "a keeper runs")

    def processes(self) -> list[psutil.Process]:
        """All that runs in this home: daemon, keeper, apps and all that they forked."""
        return strays.processes_of(str(self.root))

    def app_processes(self) -> list[psutil.Process]:
        """The same without daemon, keeper and the processes that plugins are loaded in."""
        return [
            process
            for process in self.processes()
            if not any(strays.is_module(process, module) for module in _OURS)
        ]

    def until(self, probe: Callable[[], T | None], what: str, within_s: float = 15.0) -> T:
        """The first true answer of `probe`. Raises `BrokenPromise` when there is none in time."""
        bound = within_s * self.pace.patience
        end = min(time.monotonic() + bound, self._end)
        while not (answer := probe()):
            if time.monotonic() >= self._end:
                raise BrokenPromise(f"the trial took longer than {self._limit_s:g} s, waiting until {what}")
            if time.monotonic() >= end:
                raise BrokenPromise(f"not within {bound:g} s: {what}")
            time.sleep(LOOK_S)
        return answer

    def left(self) -> float:
        """Seconds that the trial may still take. Raises `BrokenPromise` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise BrokenPromise(f"the trial took longer than {self._limit_s:g} s")
        return left

    def close(self) -> None:
        """Kill what still runs, and what daemon and keeper started meanwhile to replace one another."""
        for _ in range(MOST_ROUNDS):
            left = self.processes()
            if not left:
                break
            strays.end(left)
        for folder in (str(self.root), self.home.run, self.home.apps):
            shutil.rmtree(folder, ignore_errors=True)

    def _process(self, module: str) -> psutil.Process | None:
        found = (process for process in self.processes() if strays.is_module(process, module))
        return next(found, None)
