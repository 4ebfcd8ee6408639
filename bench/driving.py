"""Our side of a driver: start it, ask it, end it."""

import json
import select
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from bench.drivers.loop import MANY
from bench.peers.peer import Peer

_LAST_S = 5.0
_PATIENCE_S = 90.0  # longer than the slowest peer takes for one request


class DriverError(Exception):
    """The driver, or the peer behind it, did not answer as asked."""


class Timed(NamedTuple):
    """What repeating one operation gave."""

    done: int
    elapsed: float
    p50_us: float
    p95_us: float
    worst_us: float
    value: Any  # what the last one returned, by operation

    @property
    def per_second(self) -> float:
        """How many a second."""
        return self.done / self.elapsed


class Driver:
    """A client process of one peer, while inside `with`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._errors = peer.folder / "driver.err"

    def __enter__(self) -> Self:
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                self._peer.driver_argv(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=self._peer.folder,
                env=self._peer.environ(),
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """It ends when its stdin does; one that hangs in its peer is killed."""
        with self._process as process:
            if process.stdin:
                process.stdin.close()
            try:
                process.wait(_LAST_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def ask(self, op: str, seconds: float = 0.0, most: int = MANY) -> Timed | None:
        """Repeat an operation; None when this peer has no such. Raises `DriverError`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"op": op, "seconds": seconds, "most": most}) + "\n")
        stdin.flush()
        ready, _, _ = select.select([stdout], [], [], seconds + _PATIENCE_S)
        line = stdout.readline() if ready else ""
        if not ready:
            raise DriverError(f"{op}: no answer in {seconds + _PATIENCE_S:g} s")
        if not line:
            raise DriverError(f"{op}: the driver ended: {_tail(self._errors)}")
        return timed(op, json.loads(line))


def timed(op: str, answer: dict[str, Any]) -> Timed | None:
    """An answer's figures; None when unsupported. Raises `DriverError` when the peer failed."""
    if answer.get("unsupported"):
        return None
    if answer["error"]:
        raise DriverError(f"{op}: {answer['error']}")
    return Timed(**{name: answer[name] for name in Timed._fields})


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-300:]
