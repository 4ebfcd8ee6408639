"""One client: its home, its screen, and asking the daemon. Imports only what the one-shot client may."""

import json
import os
from collections.abc import Mapping

from viscript.errors import ExitCode
from viscript.home import Home, find_home
from viscript.local.door import Door, DoorError
from viscript.local.screen import Screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from viscript.repl.session import Session

    Mode = Literal["repl", "oneshot", "script", "piped"]

_DATA_FORMS = ("json", "jsonl", "yaml")
_SECRETS = ("TOKEN", "SECRET", "PASSWORD", "KEY")


class Client:
    """Carries requests to the daemon and its answers to the screen."""

    def __init__(self, environ: Mapping[str, str], *, colour: str = "auto", mode: "Mode" = "oneshot") -> None:
        self.environ = environ
        self.home: Home = find_home(environ)
        self.screen = Screen(environ, colour)
        self.mode: Mode = mode
        self.session: Session | None = None  # of the prompt, where there is one
        self.depth = 0  # files that source one another

    def run_argv(self, argv: list[str]) -> int:
        """Let the daemon run one verb; the exit code."""
        for word in argv:
            if _text(word) != word:
                text = f'the word "{_text(word)}" is not UTF-8, which all that a daemon is told must be'
                return self.fail(ExitCode.USAGE, text, form=data_form(argv))
        return self._run({"argv": argv}, data_form(argv))

    def run_script(self, text: str, *, keep_going: bool) -> int:
        """Let the daemon run several; the exit code of the first that fails."""
        return self._run({"script": text, "keep_going": keep_going}, "")

    def is_alone(self) -> bool:
        """Whether no daemon listens."""
        try:
            Door(self.home.verbs_socket).close()
        except DoorError as exc:
            return exc.code is ExitCode.UNREACHABLE
        return False

    def fail(self, code: ExitCode, text: str, *, form: str = "") -> int:
        """Say an error as the daemon would, also in the data form that was asked for; the exit code."""
        if form:  # one line of JSON is YAML too
            error = {"code": int(code), "text": text, "detail": "", "suggestions": []}
            self.screen.say(json.dumps({"error": error}, indent=2 if form == "json" else None) + "\n")
        self.screen.complain(f"viscript: {text}\n")
        return int(code)

    def cwd(self) -> str:
        """The folder of the caller; `/` when that is gone."""
        try:
            return _text(os.getcwd())  # noqa: PTH109 (pathlib is slow to load)
        except FileNotFoundError:
            return "/"

    def request(self, asked: dict[str, object]) -> dict[str, object]:
        """The first line of a conversation: what is asked, and from where."""
        return {
            "v": 1,
            **asked,
            "cwd": self.cwd(),
            "tty": self.screen.facts(),
            "mode": self.mode,
            "host": self.session.term.host if self.session is not None else "",
            "environ": {name: _text(value) for name, value in self.environ.items() if _may_be_told(name)},
        }

    def _run(self, asked: dict[str, object], form: str) -> int:
        try:
            door = Door(self.home.verbs_socket)
        except DoorError as exc:
            return self.fail(exc.code, exc.text, form=form)
        try:
            return self._converse(door, asked)
        except DoorError as exc:
            return self.fail(exc.code, exc.text, form=form)
        finally:
            door.close()

    def _converse(self, door: Door, asked: dict[str, object]) -> int:
        try:
            door.ask(self.request(asked))
            return self._relay(door)
        except KeyboardInterrupt:
            door.interrupt()
        try:
            self._relay(door)
        except (KeyboardInterrupt, DoorError):
            pass  # it was told; whoever interrupts twice wants to leave now
        return int(ExitCode.INTERRUPTED)

    def _relay(self, door: Door) -> int:
        """Show what the daemon says until it tells the exit code."""
        for answer in door.lines():
            if "o" in answer:
                self.screen.say(str(answer["o"]))
            elif "e" in answer:
                self.screen.complain(str(answer["e"]))
            elif "q" in answer:
                from viscript.local import question

                question.answer(self.screen, door, answer["q"])
            elif "x" in answer:
                return int(str(answer["x"]))  # the door has checked it
            elif "p" in answer:
                from viscript.local import inplace

                return inplace.run(self, door, answer["p"])
            elif "a" in answer:
                from viscript.local import attach

                return attach.take_over(self, door, answer["a"])
        raise DoorError(ExitCode.UNREACHABLE, "the daemon went away before this was done; the apps go on")


def data_form(argv: list[str]) -> str:
    """`json`, `jsonl` or `yaml` if the caller asked for it, so that an error of ours has that form too."""
    words = argv[: argv.index("--")] if "--" in argv else argv
    for position, word in enumerate(words):
        if word in ("-o", "--output"):
            return _known("".join(words[position + 1 : position + 2]))
        if word.startswith(("-o", "--output=")):
            return _known(word.removeprefix("--output=").removeprefix("-o"))
    return ""


def _text(word: str) -> str:
    """The word with what is not UTF-8 in it replaced."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _known(form: str) -> str:
    return form if form in _DATA_FORMS else ""


def _may_be_told(name: str) -> bool:
    """Our own settings, and where the caller's programs are found."""
    if name == "PATH":
        return True
    return name.startswith("VISCRIPT_") and not any(secret in name for secret in _SECRETS)
