"""The client's end of the daemon's door. Synchronous, and it imports only what the one-shot client may.

One JSON object a line each way. The daemon acknowledges a request at once with `{"k":1}`, then sends
`{"o":text}` and `{"e":text}` for the two outputs, `{"q":text}` for a question, and ends with
`{"x":exit code}`, or with `{"p":argv}`, a program that has to be run here. After `{"a":...}` the connection
carries frames.
"""

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator

from viscript.errors import ExitCode, ViscriptError

FIRST_BYTE_S = 2.0
LAST_WORDS_S = 2.0
LONGEST_LINE = 16 * 1024 * 1024
_BUSY_PAUSE_S = 0.02
_CHUNK = 1 << 16


class DoorError(ViscriptError):
    """No daemon could be asked; `code` says in which way."""

    def __init__(self, code: ExitCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Door:
    """One connection to the daemon."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.socket = _connect(path)
        self.more = False  # whether a whole line more is known
        self.rest = b""  # arrived, not yet a whole line; whoever takes over the socket starts with it

    def ask(self, request: object) -> None:
        """Send the first line."""
        try:
            self.socket.sendall(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            pass  # the daemon refused early; what it said is still to be read
        except TimeoutError:
            raise _silent() from None

    def lines(self) -> Iterator[dict[str, object]]:
        """What the daemon answers, until it hangs up. Raises `DoorError` when it does not begin in time."""
        while True:
            *whole, self.rest = self.rest.split(b"\n")
            for position, line in enumerate(whole):
                answer = _answer(line)
                self.more = position + 1 < len(whole)
                if "k" in answer:
                    continue
                if "a" in answer:
                    self.rest = b"\n".join([*whole[position + 1 :], self.rest])
                yield answer
            if len(self.rest) > LONGEST_LINE:
                raise _stranger()
            if not self._receive():
                return

    def owner(self) -> int:
        """Which user runs the daemon."""
        if not hasattr(socket, "SO_PEERCRED"):
            return os.stat(self.path).st_uid  # noqa: PTH116 (pathlib is slow to load)
        credentials = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(credentials[4:8], sys.byteorder)

    def interrupt(self) -> None:
        """Ask the daemon to give up the running verb; what it still says must come soon."""
        self.socket.settimeout(LAST_WORDS_S)
        try:
            self.socket.sendall(b'{"i":1}\n')
        except OSError:
            return  # it hung up; there is nothing left to interrupt

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _receive(self) -> bool:
        try:
            chunk = self.socket.recv(_CHUNK)
        except ConnectionResetError:
            return False
        except TimeoutError:
            raise _silent() from None
        self.rest += chunk
        if b"\n" in chunk and self.socket.gettimeout() == FIRST_BYTE_S:
            self.socket.settimeout(None)  # it lives; a verb may take as long as it takes
        return bool(chunk)


def _connect(path: str) -> socket.socket:
    """Reach the daemon, or say within the time why not."""
    deadline = time.monotonic() + FIRST_BYTE_S
    while True:
        door = socket.socket(socket.AF_UNIX)
        door.settimeout(FIRST_BYTE_S)
        try:
            door.connect(path)
        except OSError as exc:
            door.close()
            _give_up(exc, path, deadline)
        else:
            return _checked(door, path)


def _give_up(exc: OSError, path: str, deadline: float) -> None:
    """Pause when the daemon's queue is full. Raises `DoorError` for all else."""
    if exc.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR):
        raise DoorError(
            ExitCode.UNREACHABLE,
            f"no daemon answers at {path}; start one with: viscript daemon --detach",
        ) from None
    if exc.errno in (errno.EACCES, errno.EPERM):
        raise DoorError(ExitCode.NOT_PERMITTED, f"{path} belongs to another user") from None
    if isinstance(exc, TimeoutError) or time.monotonic() >= deadline:
        raise _silent() from None
    if exc.errno != errno.EAGAIN:
        raise DoorError(ExitCode.UNREACHABLE, f"cannot reach the daemon at {path}: {exc.strerror}") from None
    time.sleep(_BUSY_PAUSE_S)


def _checked(door: socket.socket, path: str) -> socket.socket:
    """`door`, if the user at its other end is ourselves or root; a socket in /tmp could be anybody's."""
    if not hasattr(socket, "SO_PEERCRED"):
        return door
    credentials = door.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    uid = int.from_bytes(credentials[4:8], sys.byteorder)
    if uid in (0, os.geteuid()) or os.geteuid() == 0:
        return door
    door.close()
    raise DoorError(ExitCode.NOT_PERMITTED, f"the program that listens at {path} is run by another user")


def _answer(line: bytes) -> dict[str, object]:
    """What one line says. Raises `DoorError` for one that no daemon would send."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        raise _stranger() from None
    if not isinstance(answer, dict):
        raise _stranger()
    code = answer.get("x", 0)
    if not isinstance(code, int) or not 0 <= code <= 255:
        raise _stranger()
    return answer


def _stranger() -> DoorError:
    return DoorError(
        ExitCode.UNREACHABLE,
        "what listens there does not answer as a daemon does; see: viscript doctor",
    )


def _silent() -> DoorError:
    return DoorError(
        ExitCode.TIMED_OUT,
        f"the daemon takes connections but has not answered in {FIRST_BYTE_S:g} s; see: viscript doctor",
    )
