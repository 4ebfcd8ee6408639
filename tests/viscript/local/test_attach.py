"""Showing an app on a terminal, with a fake door that speaks frames."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.fake_door import Caller, FakeDoor, Line
from tests.support.prompt import command, environ, lab, prompt
from tests.support.terminal import CTRL_C, CTRL_Z, ENTER, Terminal
from viscript.local.frames import Kind, encode

END = encode(Kind.END, json.dumps({"code": 1, "text": "[7] web is fatal: exit 3"}).encode())


class App:
    """The daemon's side of one attachment."""

    def __init__(self, *, tty: bool, greeting: bytes = b"") -> None:
        self._tty = tty
        self._greeting = greeting
        self.frames: list[tuple[int, bytes]] = []
        self.arrived = threading.Condition()
        self.caller: Caller | None = None

    def answer(self, caller: Caller) -> Iterable[Line]:
        """Hand the connection over, then take frames until the viewer is gone."""
        told = json.dumps({"a": {"id": 7, "tty": self._tty, "name": "web"}}).encode()
        caller.connection.sendall(told + b"\n" + self._greeting)
        self.caller = caller
        while True:
            head = caller.read(5)
            if len(head) < 5:
                return ()
            payload = caller.read(int.from_bytes(head[1:], "big"))
            with self.arrived:
                self.frames.append((head[0], payload))
                self.arrived.notify_all()

    def send(self, data: bytes) -> None:
        """Bytes to the viewer."""
        assert self.caller is not None
        self.caller.connection.sendall(data)

    def await_frame(self, wanted: Callable[[int, bytes], bool]) -> None:
        """Wait until one of the frames so far is wanted."""
        with self.arrived:
            there = self.arrived.wait_for(lambda: any(wanted(*frame) for frame in self.frames), 10)
            assert there, self.frames

    def typed(self) -> bytes:
        """All keys so far."""
        return b"".join(payload for kind, payload in self.frames if kind == Kind.DATA)


@pytest.fixture
def door(short_tmp: Path) -> Iterator[FakeDoor]:
    with lab(short_tmp) as door:
        yield door


def attached(short_tmp: Path, door: FakeDoor, app: App) -> Terminal:
    door.answers["attach"] = app.answer
    return Terminal(command("attach", "7"), environ(short_tmp))


def test_keys_and_output_pass_unchanged_and_ctrl_z_leaves(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=True, greeting=encode(Kind.DATA, b"backlog\r\n$ "))
    with attached(short_tmp, door, app) as terminal:
        before = terminal.modes()
        terminal.wait_for("[7] web: Ctrl-Z detaches")
        terminal.wait_for("backlog")
        terminal.type("ls\t" + CTRL_C + "\x04é")
        app.await_frame(lambda kind, data: app.typed() == "ls\t\x03\x04é".encode())
        terminal.type("x" + CTRL_Z + "never sent")
        app.await_frame(lambda kind, data: kind == Kind.DETACH)
        terminal.wait_for("detached; the app goes on")
        terminal.wait_until(lambda: terminal.modes() == before, "the modes from before")
        assert terminal.wait_for_exit() == 0
    assert app.typed() == "ls\t\x03\x04éx".encode()


def test_the_window_and_its_changes_are_told(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=True)
    with attached(short_tmp, door, app) as terminal:
        terminal.wait_for("Ctrl-Z detaches")
        app.await_frame(lambda kind, data: kind == Kind.RESIZE)
        terminal.resize(77, 22)
        app.await_frame(lambda kind, data: (kind, data) == (Kind.RESIZE, b"\x00\x4d\x00\x16"))


def test_the_end_of_the_app_is_the_end_and_its_code_ours(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=True)
    with attached(short_tmp, door, app) as terminal:
        terminal.wait_for("Ctrl-Z detaches")
        app.await_frame(lambda kind, data: kind == Kind.RESIZE)
        app.send(encode(Kind.NOTE, b"[7] app.exited: exit 3"))
        app.send(END)
        assert terminal.wait_for_exit() == 1
        assert terminal.shows("[7] app.exited: exit 3")
        assert terminal.shows("[7] web is fatal: exit 3")


def test_a_terminal_is_given_back_when_the_daemon_dies(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=True)
    with attached(short_tmp, door, app) as terminal:
        before = terminal.modes()
        terminal.wait_for("Ctrl-Z detaches")
        app.await_frame(lambda kind, data: kind == Kind.RESIZE)
        assert app.caller is not None
        app.caller.close()
        terminal.wait_for("the daemon went away")
        terminal.wait_until(lambda: terminal.modes() == before, "the modes from before")
        assert terminal.wait_for_exit() == 4


def test_an_app_on_pipes_gets_whole_lines_and_ctrl_c_as_a_signal(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=False)
    with attached(short_tmp, door, app) as terminal:
        terminal.wait_for("Ctrl-Z detaches")
        terminal.type("hello\n")
        app.await_frame(lambda kind, data: data == b"hello\n")
        terminal.type(CTRL_C)
        terminal.wait_until(lambda: ["signal", "7", "INT"] in door.asked(), "the signal")
        terminal.type(CTRL_Z)
        terminal.wait_for("detached")
        assert terminal.wait_for_exit() == 0
    assert Kind.RESIZE not in [kind for kind, _ in app.frames]  # there is no terminal to be resized


def test_frames_that_are_none_end_it(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=True, greeting=b"\xff" * 100)
    with attached(short_tmp, door, app) as terminal:
        assert terminal.wait_for_exit() == 1
        assert terminal.shows("at most")


def test_piped_input_is_sent_and_output_shown_to_the_end(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=False)
    door.answers["attach"] = app.answer
    process = subprocess.Popen(
        command("attach", "7"),
        env=environ(short_tmp),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(b"x" * 300_000)
    process.stdin.close()
    app.await_frame(lambda kind, data: len(app.typed()) == 300_000)
    app.send(encode(Kind.DATA, b"\x00\xffraw") + END)
    assert process.stdout is not None
    assert process.stdout.read() == b"\x00\xffraw"
    process.stdout.close()
    assert process.wait(10) == 1


def test_at_the_prompt_it_suspends_the_prompt(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=True, greeting=encode(Kind.DATA, b"$ "))
    door.answers["attach"] = app.answer
    with prompt(short_tmp) as terminal:
        terminal.type("attach 7" + ENTER)
        terminal.wait_for_input("$")
        terminal.type("echo" + CTRL_C)
        app.await_frame(lambda kind, data: app.typed() == b"echo\x03")
        terminal.type(CTRL_Z)
        terminal.wait_for_input("viscript>")
        terminal.type("la" + ENTER)
        terminal.wait_for("la done")


def test_a_start_that_attaches_is_shown_too(short_tmp: Path, door: FakeDoor) -> None:
    app = App(tty=True, greeting=encode(Kind.DATA, b"hi\r\n") + END)
    door.answers["s"] = app.answer
    with Terminal(command("s", "-a", "web"), environ(short_tmp)) as terminal:
        assert terminal.wait_for_exit() == 1
        assert terminal.shows("hi")
