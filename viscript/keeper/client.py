"""A plain client of the keeper: one connection, one thread, deadlines on everything. For tests and tools."""

import itertools
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Self

from viscript.keeper.protocol import MOST_FDS, Json, KeeperError, Lines, Refusal, encode

_BLOCK: Final = 1 << 16


class KeeperGoneError(KeeperError):
    """The keeper does not answer, or hung up."""


class KeeperClient:
    """Speaks to the keeper. Events that come in between are kept for `event` and `events`."""

    def __init__(self, path: str, *, timeout: float = 10.0) -> None:
        self.timeout = timeout
        self._lines = Lines()
        self._ids = itertools.count(1)
        self._answers: dict[int, Json] = {}
        self._events: deque[Json] = deque()
        self._fds: deque[int] = deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except OSError as exc:
            self._socket.close()
            raise KeeperGoneError(f"no keeper answers at {path}: {exc.strerror}") from exc

    def hello(self, epoch: int, cursor: int | None = None, **more: Any) -> Json:  # fields of the request
        """Become the daemon that the keeper obeys."""
        return self.request("hello", epoch=epoch, cursor=cursor, **more)

    def request(self, op: str, *, fds: tuple[int, ...] = (), **fields: Any) -> Json:  # fields of the request
        """Ask and wait for the answer. Raises `Refusal` or `KeeperGoneError`."""
        return self.answer_to(self.send(op, fds=fds, **fields))

    def send(self, op: str, *, fds: tuple[int, ...] = (), **fields: Any) -> int:  # fields of the request
        """Ask without waiting; the number to give to `answer_to`."""
        number = next(self._ids)
        line = encode({"id": number, "op": op, **fields, **({"fds": len(fds)} if fds else {})})
        try:
            sent = socket.send_fds(self._socket, [line], list(fds)) if fds else 0
            self._socket.sendall(line[sent:])
        except OSError as exc:
            raise KeeperGoneError(f"the keeper hung up: {exc.strerror}") from exc
        return number

    def answer_to(self, number: int) -> Json:
        """Wait for one answer. Raises `Refusal` or `KeeperGoneError`."""
        deadline = time.monotonic() + self.timeout
        while number not in self._answers:
            if not self._receive(deadline):
                raise KeeperGoneError("the keeper did not answer in time")
        answer = self._answers.pop(number)
        if "err" in answer:
            raise Refusal(answer["err"]["code"], answer["err"]["text"])
        result: Json = answer["ok"]
        return result

    def event(self, kind: str | None = None, *, timeout: float | None = None, **fields: object) -> Json:
        """The next event of a kind whose fields match; others are dropped. Raises `KeeperGoneError`."""
        return self.event_where(
            lambda event: (
                (kind is None or event["ev"] == kind)
                and all(event.get(name) == value for name, value in fields.items())
            ),
            timeout=timeout,
            what=f"{kind or 'event'} {fields or ''}",
        )

    def event_where(
        self, matches: Callable[[Json], bool], *, timeout: float | None = None, what: str = "event"
    ) -> Json:
        """The next event that `matches`; others are dropped. Raises `KeeperGoneError`."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            while self._events:
                event = self._events.popleft()
                if matches(event):
                    return event
            if not self._receive(deadline):
                raise KeeperGoneError(f"no {what} came in time")

    def events(self, seconds: float = 0.0) -> list[Json]:
        """All events so far and for so many seconds more."""
        deadline = time.monotonic() + seconds
        while self._receive(deadline):
            continue
        found = list(self._events)
        self._events.clear()
        return found

    def fds(self, seq: int) -> dict[str, int]:
        """Duplicates of an app's descriptors by name; the caller closes them."""
        names = self.request("fds", seq=seq)["names"]
        return {name: self._fds.popleft() for name in names}

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        while self._fds:
            os.close(self._fds.popleft())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _receive(self, deadline: float) -> bool:
        """Take what comes until the deadline; false when nothing came."""
        wait = max(deadline - time.monotonic(), 0)
        if not select.select([self._socket], [], [], wait)[0]:
            return False
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, _BLOCK, MOST_FDS)
        except OSError as exc:
            raise KeeperGoneError(f"the keeper hung up: {exc.strerror}") from exc
        self._fds.extend(fds)
        if not data:
            raise KeeperGoneError("the keeper hung up")
        for message in self._lines.feed(data):
            if "ev" in message:
                self._events.append(message)
            else:
                self._answers[message["re"]] = message
        return True
