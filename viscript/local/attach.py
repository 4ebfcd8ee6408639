"""Showing an app on this terminal: its output here, our keys there. Ctrl-Z leaves, Ctrl-C goes to it.

An app with a terminal of its own gets every key as it is typed: ours is set raw. For an app on plain pipes
ours stays as it is, with echo and line editing; Ctrl-C and Ctrl-Z then arrive as signals.
Whatever happens, the terminal is given back as it was found.
"""

import json
import os
import selectors
import signal
import socket
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from viscript.errors import ExitCode
from viscript.local.ask import ask
from viscript.local.client import Client
from viscript.local.door import Door, DoorError
from viscript.local.frames import FrameError, Frames, Kind, encode, encode_size
from viscript.local.screen import write_bytes

CTRL_Z = b"\x1a"
MOST_UNSENT = 1 << 16
_CHUNK = 1 << 16
# Attributes, hidden cursor, bracketed paste and mouse reports an app may have left switched on.
_RESET = "\x1b[0m\x1b[?25h\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"


def take_over(client: Client, door: Door, facts: object) -> int:
    """Show the app until the viewer leaves or it ends; the exit code of the verb."""
    told = facts if isinstance(facts, dict) else {}
    session = Session(client, door, str(told.get("id")), own_terminal=bool(told.get("tty")))
    return session.run(f"[{told.get('id')}] {told.get('name')}: Ctrl-Z detaches")


class Session:
    """One viewer at one terminal."""

    def __init__(self, client: Client, door: Door, seq: str, *, own_terminal: bool) -> None:
        self._client = client
        self._seq = seq
        self._socket = door.socket
        self._frames = Frames()
        self._early = door.rest
        self._own_terminal = own_terminal
        self._unsent = bytearray()
        self._keys_ended = False
        self._at_margin = True  # the cursor, as far as we know
        self._code: int | None = None
        self._selector = selectors.DefaultSelector()

    def run(self, greeting: str) -> int:
        """Carry bytes both ways until one side ends it; the exit code."""
        raw = self._client.screen.into and self._own_terminal
        with self._selector, _keys(raw=raw), self._signals() as wakeup:
            self._socket.setblocking(False)
            self._selector.register(self._socket, selectors.EVENT_READ, self._on_socket)
            self._selector.register(wakeup, selectors.EVENT_READ, lambda: wakeup.recv(_CHUNK))
            self._note(greeting)
            self._send_size()
            self._take(self._early)
            while self._code is None:
                self._turn()
        if raw and self._client.screen.out:
            self._client.screen.say(_RESET)
        return self._code

    def _turn(self) -> None:
        """Wait for something and carry it out; keys wait while the daemon takes none."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        self._selector.modify(self._socket, events, self._on_socket)
        self._watch_keys(len(self._unsent) <= MOST_UNSENT)
        for key, ready in self._selector.select():
            if self._code is not None:
                return
            if ready & selectors.EVENT_WRITE:
                self._flush()
            if ready & selectors.EVENT_READ:
                key.data()

    def _watch_keys(self, wanted: bool) -> None:
        watched = 0 in self._selector.get_map()
        if watched and not wanted:
            self._selector.unregister(0)
        elif wanted and not watched and not self._keys_ended:
            try:
                self._selector.register(0, selectors.EVENT_READ, self._on_keys)
            except (OSError, ValueError):  # a file or nothing at all: there is nobody to type
                self._keys_ended = True

    def _on_keys(self) -> None:
        data = os.read(0, _CHUNK)
        if not data and self._client.screen.into:
            return  # Ctrl-D: there is no way to tell it to an app on a pipe
        if not data:
            self._keys_ended = True
            self._selector.unregister(0)
            return
        if self._client.screen.into and self._own_terminal:
            data, leave, _ = data.partition(CTRL_Z)
            self._send(Kind.DATA, data)
            if leave:
                self._leave()
        else:
            self._send(Kind.DATA, data)

    def _on_socket(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if data:
            self._take(data)
        elif self._code is None:
            self._finish(ExitCode.UNREACHABLE, "the daemon went away; the app goes on")

    def _take(self, data: bytes) -> None:
        try:
            frames = self._frames.feed(data)
        except FrameError as exc:
            self._finish(ExitCode.FAILED, str(exc))
            return
        for kind, payload in frames:
            if kind == Kind.DATA:
                write_bytes(1, payload)
                self._at_margin = payload.endswith(b"\n")
            elif kind == Kind.NOTE:
                self._note(payload.decode(errors="replace"))
            elif kind == Kind.END:
                self._end(payload)

    def _end(self, payload: bytes) -> None:
        try:
            told = json.loads(payload)
            self._finish(int(told["code"]), str(told["text"]))
        except (ValueError, KeyError, TypeError):
            self._finish(ExitCode.FAILED, "the session ended")

    def _leave(self) -> None:
        self._send(Kind.DETACH)
        self._socket.settimeout(1.0)
        try:
            self._socket.sendall(self._unsent)
        except OSError:
            pass  # closing the connection detaches as well
        self._finish(ExitCode.DONE, "detached; the app goes on")

    def _interrupt_app(self) -> None:
        """Ctrl-C for an app that has no terminal to turn a key into a signal."""
        try:
            told = ask(self._client, ["signal", self._seq, "INT"])
        except DoorError as exc:
            self._note(exc.text)
            return
        if told.code:
            self._note(told.err.strip())

    def _finish(self, code: int, text: str) -> None:
        self._code = int(code)
        if text:
            self._note(text)

    def _note(self, text: str) -> None:
        end = "\r\n" if self._own_terminal and self._client.screen.into else "\n"
        begin = "" if self._at_margin else end
        self._client.screen.complain(f"{begin}{text}{end}")
        self._at_margin = True

    def _send(self, kind: Kind, payload: bytes = b"") -> None:
        if payload or kind is not Kind.DATA:
            self._unsent += encode(kind, payload)
            self._flush()

    def _flush(self) -> None:
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass  # the selector says when there is room
        except (BrokenPipeError, ConnectionResetError):
            self._unsent.clear()  # the end shows when we read

    def _send_size(self) -> None:
        if not self._own_terminal:
            return
        try:
            columns, rows = os.get_terminal_size(1)
        except OSError:
            return
        self._unsent += encode_size(columns, rows)
        self._flush()

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Signals become work of the loop; the answer becomes readable when one arrived."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {
            signal.SIGWINCH: lambda *_: self._send_size(),
            signal.SIGINT: lambda *_: self._interrupt_app(),
            signal.SIGTSTP: lambda *_: self._leave(),
            signal.SIGTERM: lambda *_: self._finish(128 + signal.SIGTERM, ""),
            signal.SIGHUP: lambda *_: self._finish(128 + signal.SIGHUP, ""),
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()


@contextmanager
def _keys(*, raw: bool) -> Iterator[None]:
    """The terminal raw while inside, and as it was found after."""
    if not raw:
        yield
        return
    found = termios.tcgetattr(0)
    try:
        tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead stays
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, found)
