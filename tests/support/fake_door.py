"""A daemon's door without a daemon: a test says what it answers, and reads what it was asked."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Line = dict[str, Any]  # Any: JSON of the door's protocol
Answerer = Callable[["Caller"], Iterable[Line]]


class Caller:
    """One connection and what it asked."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")
        self.request: Line = {}

    def read_line(self) -> Line | None:
        """The next line of the client; None when it hung up."""
        try:
            line = self._file.readline()
        except OSError:
            return None
        return json.loads(line) if line else None

    def read(self, count: int) -> bytes:
        """Bytes of the client, once it sends frames."""
        return self._file.read(count)

    def send(self, line: Line) -> None:
        """One line to the client."""
        self.connection.sendall(json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Hang up, also under a thread that reads."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self.connection.close()


class FakeDoor:
    """Listens at `path` while inside `with`. `answers` maps the first word of a command to what is said."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.answers: dict[str, list[Line] | Answerer] = {}
        self.completions: Callable[[str], Line] = lambda text: {"items": [], "hint": ""}
        self.status: Line = {"host": "lab", "running": 2, "failed": 1, "apps": 3, "peers": 0}
        self.requests: list[Line] = []
        self.subscribed = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._callers: list[Caller] = []
        self._followers: list[Caller] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for caller in self._callers:
            caller.close()
        for thread in self._threads:
            thread.join(5)
        self._path.unlink(missing_ok=True)

    def asked(self) -> list[object]:
        """The commands so far, scripts as text."""
        return [asked for request in self.requests if (asked := request.get("argv") or request.get("script"))]

    def tell(self, line: Line) -> None:
        """Say something to everybody who follows the events."""
        assert self.subscribed.wait(5)
        for caller in self._followers:
            caller.send(line)

    def event(self, type: str, about: str, cursor: int = 1, reason: str = "", **data: object) -> None:
        """Tell one event."""
        self.tell(
            {"ev": {"cursor": cursor, "time": 0.0, "host": "lab", "object": about, "type": type}
             | {"reason": reason, "actor": "viscript", "data": data}}
        )  # fmt: skip

    def _spawn(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            caller = Caller(connection)
            self._callers.append(caller)
            self._spawn(self._serve, caller)

    def _serve(self, caller: Caller) -> None:
        with contextlib.suppress(OSError, ValueError):
            request = caller.read_line()
            if request is not None:
                caller.request = request
                self.requests.append(request)
                caller.send({"k": 1})
                self._answer(caller)

    def _answer(self, caller: Caller) -> None:
        if "subscribe" in caller.request:
            caller.send({"s": self.status})
            self._followers.append(caller)
            self.subscribed.set()
            return
        if "complete" in caller.request:
            asked: Line | None = caller.request
            while asked is not None:
                caller.send(self.completions(asked["complete"]["text"]))
                asked = caller.read_line()
            return
        word = str((caller.request.get("argv") or str(caller.request.get("script")).split())[0])
        answer = self.answers.get(word, [{"o": f"{word} done\n"}, {"x": 0}])
        for line in answer(caller) if callable(answer) else answer:
            caller.send(line)
        caller.close()
