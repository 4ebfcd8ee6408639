"""A process of ours that is spoken to by lines, and how long the bench waits for anything."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

READY_S: Final = 30.0
_PAUSE_S: Final = 0.05


class Trouble(Exception):
    """The processes do not come up, or do not answer."""


class Program:
    """One process that is spoken to by lines."""

    def __init__(self, name: str, module: str, words: list[str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip

    def line(self, deadline_s: float = READY_S) -> str:
        """The next line it prints. Raises `Trouble` when none comes."""
        assert self.process.stdout is not None
        timer = threading.Timer(deadline_s, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise Trouble(f"{self.name} ended or said nothing for {deadline_s:.0f} s{self._last_words()}")
        return line

    def _last_words(self) -> str:
        words = self._log.read_text(errors="replace").strip()
        return f": {words[-300:]}" if words else ""

    def tell(self, line: str) -> None:
        """A line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, *words: object) -> Any:  # Any: JSON
        """What a visor answers. Raises `Trouble`."""
        self.tell(json.dumps(words))
        answer = json.loads(self.line())
        if isinstance(answer, dict) and "fault" in answer:
            raise Trouble(f"{self.name}: {words[0]}: {answer['fault']}")
        return answer

    def end(self) -> None:
        """Whatever state it is in."""
        self.process.kill()
        with self.process:
            self.process.wait()


def until(probe: Callable[[], object], deadline_s: float = READY_S) -> None:
    """Until the answer is true; `Trouble` counts as no. Raises the last `Trouble`."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            if probe():
                return
            fault = Trouble("it does not come to be")
        except Trouble as exc:
            fault = exc
        if time.monotonic() > end:
            raise fault
        time.sleep(_PAUSE_S)
