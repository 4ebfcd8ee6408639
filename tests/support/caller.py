"""Verbs asked straight through the door of a home, without a process for each: for samples and timings."""

import json
import socket
import time
from dataclasses import dataclass

from tests.support.home import Answer, ScratchHome


class Asked:
    """A verb under way."""

    def __init__(self, path: str, argv: tuple[str, ...], timeout: float) -> None:
        self._argv = argv
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.settimeout(timeout)
        try:
            self._door.connect(path)
        except OSError:
            self._door.close()
            raise
        request = {"v": 1, "argv": argv, "cwd": "/", "mode": "oneshot"}
        self._door.sendall(json.dumps(request).encode() + b"\n")

    def close(self) -> None:
        """Go away without the answer."""
        self._door.close()

    def answer(self) -> Answer:
        """What the verb answered in the end; the connection is closed."""
        out, err = [], []
        with self._door, self._door.makefile("rb") as lines:
            for line in lines:
                said = json.loads(line)
                out.append(said.get("o", ""))
                err.append(said.get("e", ""))
                if "x" in said:
                    return Answer(said["x"], "".join(out), "".join(err))
        raise AssertionError(f"the daemon hung up in the middle of {self._argv}")


@dataclass(frozen=True)
class Caller:
    """Asks the daemon of one home, one connection a verb, as the one-shot client does."""

    home: ScratchHome

    def begin(self, *argv: str, timeout: float = 30.0) -> Asked:
        """Ask a verb and come back before it has answered."""
        return Asked(str(self.home.root / "run" / "verbs.sock"), argv, timeout)

    def ask(self, *argv: str, timeout: float = 30.0) -> Answer:
        """What the verb answered."""
        return self.begin(*argv, timeout=timeout).answer()

    def timed(self, *argv: str) -> float:
        """Seconds until the verb had answered; it must succeed."""
        begin = time.perf_counter()
        self.ask(*argv).ok()
        return time.perf_counter() - begin

    def slowest(self, count: int, *argv: str) -> float:
        """The 99th percentile of `count` answers, in seconds."""
        times = sorted(self.timed(*argv) for _ in range(count))
        return times[min(int(count * 0.99), count - 1)]
