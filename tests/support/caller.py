"""Verbs asked straight through the door of a home, without a process for each: for samples and timings."""

import json
import socket
import time
from dataclasses import dataclass

from tests.support.home import Answer, ScratchHome


@dataclass(frozen=True)
class Caller:
    """Asks the daemon of one home, one connection a verb, as the one-shot client does."""

    home: ScratchHome

    def ask(self, *argv: str, timeout: float = 30.0) -> Answer:
        """What the verb answered."""
        out, err = [], []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(timeout)
            door.connect(str(self.home.root / "run" / "verbs.sock"))
            door.sendall(json.dumps({"v": 1, "argv": argv, "cwd": "/", "mode": "oneshot"}).encode() + b"\n")
            for line in door.makefile("rb"):
                said = json.loads(line)
                out.append(said.get("o", ""))
                err.append(said.get("e", ""))
                if "x" in said:
                    return Answer(said["x"], "".join(out), "".join(err))
        raise AssertionError(f"the daemon hung up in the middle of {argv}")

    def timed(self, *argv: str) -> float:
        """Seconds until the verb had answered; it must succeed."""
        begin = time.perf_counter()
        self.ask(*argv).ok()
        return time.perf_counter() - begin

    def slowest(self, count: int, *argv: str) -> float:
        """The 99th percentile of `count` answers, in seconds."""
        times = sorted(self.timed(*argv) for _ in range(count))
        return times[min(int(count * 0.99), count - 1)]
