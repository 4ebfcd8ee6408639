"""Verbs asked through the door of the scratch home, each with a deadline and without a process of its own."""

import json
import socket
import time
from dataclasses import dataclass
from typing import Any, Final, Self

from viscript.prove.verdict import BrokenPromise

_CHUNK: Final = 1 << 16


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # Any: the shape differs by verb
        """The one JSON document on standard output. Raises `BrokenPromise`."""
        try:
            return json.loads(self.out)
        except ValueError as exc:
            raise BrokenPromise(f"expected JSON, got {self.out[:80]!r} and {self.err.strip()!r}") from exc


class Asked:
    """A verb that is under way."""

    def __init__(self, path: str, argv: tuple[str, ...]) -> None:
        self._argv = argv
        self._door = knock(path)
        self._rest = b""
        self._door.sendall(request(argv=list(argv)))

    def answer(self, within_s: float) -> Said:
        """What the verb said in the end. Raises `BrokenPromise` when it does not end in time."""
        end = time.monotonic() + within_s
        out, err = [], []
        while True:
            said = self._line(end)
            out.append(said.get("o", ""))
            err.append(said.get("e", ""))
            if "x" in said:
                return Said(said["x"], "".join(out), "".join(err))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._door.close()

    def _line(self, end: float) -> dict[str, Any]:  # Any: one JSON object of the door
        while b"\n" not in self._rest:
            self._door.settimeout(max(end - time.monotonic(), 0.001))
            try:
                chunk = self._door.recv(_CHUNK)
            except TimeoutError as exc:
                raise BrokenPromise(f"`{' '.join(self._argv)}` was not answered in time") from exc
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise BrokenPromise(f"the daemon hung up in the middle of `{' '.join(self._argv)}`")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


def knock(path: str, within_s: float = 5.0) -> socket.socket:
    """A connection to the door. Raises `OSError` when nobody opens."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.settimeout(within_s)
    try:
        door.connect(path)
    except OSError:
        door.close()
        raise
    return door


def request(**asked: object) -> bytes:
    """The first line of a conversation."""
    return json.dumps({"v": 1, "cwd": "/", "mode": "oneshot", **asked}).encode() + b"\n"
