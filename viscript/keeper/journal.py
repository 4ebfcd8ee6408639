"""What the keeper must know after a kill -9: an append-only file of JSON lines, one delta a line.

    {"life": 4}                          the fourth keeper of this home begins
    {"world": "BOOT NAMESPACE"}          what the pids below are good for
    {"groups": "FOLDER"}                 where the groups of its apps are; empty without any
    {"epoch": 12}                        the newest daemon that was obeyed
    {"base": {"PATH": "..."}}            the environment that apps inherit
    {"seq": 7, "set": {"phase": "running", "pid": 812}}      fields of one app, merged over the earlier ones
    {"seq": 7, "del": true}              the app is forgotten

A delta is one `write` to a file opened for appending, and is written before the deed it announces. Killed
keepers leave at most a torn last line, which is passed over. When the file has grown far past what it
says, the whole is written beside it and renamed over it.
"""

import errno
import json
import os
from typing import Any, Final

from viscript.keeper.protocol import Json, encode
from viscript.keeper.spec import Policy, Spec, as_json

_SLACK_BYTES: Final = 1 << 20
_HEADER: Final = ("life", "epoch", "world", "groups", "base")  # what is not of one app


class Picture:
    """What the lines add up to."""

    def __init__(self) -> None:
        self.life = 0
        self.epoch = 0
        self.world = ""
        self.groups = ""
        self.base: dict[str, str] = {}
        self.apps: dict[int, Json] = {}  # spec and policy may be those that the keeper works with

    def apply(self, delta: object) -> None:
        """Merge one line; a line that says nothing known is passed over."""
        if not isinstance(delta, dict):
            return
        seq, fields = delta.get("seq"), delta.get("set")
        if isinstance(seq, int):
            if delta.get("del"):
                self.apps.pop(seq, None)
            elif isinstance(fields, dict):
                self.apps.setdefault(seq, {}).update(fields)
        for name in _HEADER:
            if isinstance(delta.get(name), type(getattr(self, name))):
                setattr(self, name, delta[name])

    def lines(self) -> list[bytes]:
        """The fewest lines that add up to this picture."""
        deltas: list[Json] = [{name: getattr(self, name) for name in _HEADER}]
        deltas += [{"seq": seq, "set": fields} for seq, fields in self.apps.items()]
        return [line_of(delta) for delta in deltas]


def line_of(delta: Json) -> bytes:
    """One delta as it stands in the file. Its fields may hold a spec and a policy as they are in memory."""
    fields = delta.get("set")
    if not fields:
        return encode(delta)
    return encode({**delta, "set": {name: _plain(value) for name, value in fields.items()}})


def _plain(value: Any) -> Any:  # Any: JSON, a spec or a policy
    return as_json(value) if isinstance(value, Spec | Policy) else value


def picture_of(data: bytes) -> Picture:
    """The picture that a file's bytes give; torn and foreign lines are passed over."""
    picture = Picture()
    for line in data.split(b"\n"):
        try:
            picture.apply(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return picture


class Journal:
    """The file, and the picture it gives. A write that fails is made up for by the next rewrite."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.picture = picture_of(_contents(path))
        self.failed: OSError | None = None
        self._fd = -1
        self._size = self._floor = 0
        self.rewrite()

    def write(self, delta: Json) -> None:
        """Add one line, before the deed it tells of."""
        self.picture.apply(delta)
        if self.failed is not None or self._size > 2 * self._floor + _SLACK_BYTES or self._is_removed():
            self.rewrite()
            return
        line = line_of(delta)
        try:
            if os.write(self._fd, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._size += len(line)
        except OSError as exc:
            self.failed = exc

    def _is_removed(self) -> bool:
        return os.fstat(self._fd).st_nlink == 0

    def rewrite(self) -> None:
        """Put the picture in the place of the file, whole or not at all."""
        draft = self._path + ".new"
        data = b"".join(self.picture.lines())
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(fd, view) :]
                os.rename(draft, self._path)
            except OSError:
                os.close(fd)
                raise
        except OSError as exc:
            self.failed = exc
            return
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size, self._floor, self.failed = fd, len(data), len(data), None

    def close(self) -> None:
        """Close the file; the picture stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _contents(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
