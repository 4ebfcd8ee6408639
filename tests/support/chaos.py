"""Disorder by a seed: apps are started, stopped, killed and frozen while daemon and keeper are, too."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from tests.support.caller import Asked, Caller
from tests.support.home import Answer, ScratchHome
from tests.support.programs import config, program
from tests.support.wait import eventually

MOST_APPS: Final = 12
LONGEST_FREEZE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 0.1
AWAY: Final = (OSError, AssertionError, ValueError)  # what asking a daemon that dies meanwhile comes to
WITNESS: Final = "alone.py"


@dataclass
class Chaos:
    """One run of disorder in one home. What users were told is remembered, to be compared with what is."""

    home: ScratchHome
    seed: int
    wanted: dict[int, bool] = field(default_factory=dict)  # ids of which it is certain
    given: list[int] = field(default_factory=list)  # ids in the order in which starts were answered
    done: list[str] = field(default_factory=list)  # for a failed test's message

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.caller = Caller(self.home)
        self.folder = self.home.root / "witness"
        self.folder.mkdir()

    def begin(self) -> None:
        """A daemon with one kind of app, which is started again by policy."""
        restart = {"policy": "always", "delay": "50ms", "max_delay": "200ms"}
        output = {"max_bytes": 65_536, "backups": 10_000}
        witness = program("alone", self.folder, settle="50ms", restart=restart, output=output)
        self.home.start_daemon(config({"w": {**witness, "stop": {"grace": "1s"}}}))

    def rage(self, seconds: float) -> None:
        """Do one thing after another until the time is over."""
        deeds: list[tuple[int, Callable[[], None]]] = [
            (6, self.start),
            (4, self.stop),
            (3, self.restart),
            (6, self.kill_an_app),
            (2, self.freeze_an_app),
            (1, lambda: self.kill("viscript.daemon")),
            (1, lambda: self.kill("viscript.keeper")),
            (1, lambda: self.kill("viscript.daemon", "viscript.keeper")),
            (2, lambda: self.freeze("viscript.daemon")),
            (2, lambda: self.freeze("viscript.keeper")),
            (2, self.ask_and_go_away),
            (1, self.several_at_once),
        ]
        weights = [weight for weight, _ in deeds]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            (_, deed), *_ = self.random.choices(deeds, weights)
            deed()
            self.pause(LONGEST_PAUSE_S)

    def calm_down(self) -> None:
        """Nothing is frozen, a daemon answers, and every app is in a state that lasts."""
        for process in self.home.processes():
            process.resume()
        self._start_daemon()  # daemon and keeper may both be gone: then nobody else does
        eventually(self._answers)
        eventually(self._settled, deadline_s=30, interval_s=0.1)

    # -- deeds -----------------------------------------------------------------------------

    def start(self) -> None:
        if len(self.living()) >= MOST_APPS:
            return
        answer = self._ask("s", "w", "--no-wait", "-o", "json")
        if answer is not None and answer.code == 0:
            seq = answer.json()["id"]
            self.given.append(seq)
            self.wanted[seq] = True

    def stop(self) -> None:
        self._change("sd", wanted=False)

    def restart(self) -> None:
        self._change("rs", wanted=True)

    def kill_an_app(self) -> None:
        self._signal(self.random.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV]))

    def freeze_an_app(self) -> None:
        self._signal(signal.SIGSTOP)

    def kill(self, *modules: str) -> None:
        """Daemon, keeper or both, at one moment. Somebody may need to start a daemon again."""
        self.done.append(f"kill {modules}")
        for process in self._of(*modules):
            process.kill()
        if self.random.random() < 0.5:
            self._start_daemon()

    def freeze(self, module: str) -> None:
        self.done.append(f"freeze {module}")
        frozen = self._of(module)
        for process in frozen:
            process.suspend()
        self.pause(LONGEST_FREEZE_S)
        for process in frozen:
            try:
                process.resume()
            except psutil.NoSuchProcess:
                continue

    def ask_and_go_away(self) -> None:
        """A user who closes the terminal in the middle of a verb."""
        seq = self._any_id()
        verb = self.random.choice(["sd", "rs"])
        self.wanted.pop(seq, None)
        asked = self._begin(verb, str(seq))
        if asked is not None:
            self.pause(0.02)
            asked.close()

    def several_at_once(self) -> None:
        """Contradicting orders about one id, all at the same time: which is the last, nobody knows."""
        seq = self._any_id()
        self.wanted.pop(seq, None)
        asked = [self._begin(self.random.choice(["sd", "rs"]), str(seq)) for _ in range(6)]
        for one in asked:
            self._answer(one)

    # -- looking ---------------------------------------------------------------------------

    def living(self) -> list[psutil.Process]:
        """Every process of an app."""
        return self._of(str(WITNESS))

    def runs(self) -> list[tuple[int, int, int]]:
        """Id, generation and pid of every run there ever was."""
        lines = Path(self.folder, "runs").read_text().splitlines()
        return [(int(seq), int(gen), int(pid)) for seq, gen, pid in map(str.split, lines)]

    def tallies(self, seq: int) -> dict[int, int]:
        """How many lines each generation of one id says that it wrote."""
        files = self.folder.glob(f"{seq}.*.tally")
        return {int(file.name.split(".")[1]): int(file.read_text() or 0) for file in files}

    def pause(self, longest: float) -> None:
        time.sleep(self.random.uniform(0, longest))  # chance is the point: nothing is waited for

    def _start_daemon(self) -> None:
        self.home.viscript("daemon", "--detach", "--config", str(self.home.root / "config.yaml"))

    def _of(self, *words: str) -> list[psutil.Process]:
        found = []
        for process in self.home.processes():
            try:
                if any(part.endswith(words) for part in process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def _any_id(self) -> int:
        return self.random.choice(self.given[-MOST_APPS:] or [1])

    def _change(self, verb: str, *, wanted: bool) -> None:
        seq = self._any_id()
        self.wanted.pop(seq, None)
        answer = self._ask(verb, str(seq))
        if answer is not None and answer.code == 0:
            self.wanted[seq] = wanted

    def _signal(self, signum: signal.Signals) -> None:
        living = self.living()
        if living:
            victim = self.random.choice(living)
            self.done.append(f"{signum.name} {victim.pid}")
            try:
                victim.send_signal(signum)
            except psutil.NoSuchProcess:
                return

    def _begin(self, *argv: str) -> Asked | None:
        self.done.append(" ".join(argv))
        try:
            return self.caller.begin(*argv)
        except AWAY:
            return None

    def _answer(self, asked: Asked | None) -> Answer | None:
        try:
            return None if asked is None else asked.answer()
        except AWAY:
            return None

    def _ask(self, *argv: str) -> Answer | None:
        return self._answer(self._begin(*argv))

    def _answers(self) -> bool:
        return self.home.viscript("la").code == 0

    def _settled(self) -> bool:
        answer = self._ask("la", "-a", "-o", "json")
        passing = ("starting", "stopping", "backoff", "waiting")
        return answer is not None and all(row["state"] not in passing for row in answer.json())
