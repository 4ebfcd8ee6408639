"""The command `viscript`. A verb costs little: all this loads is `os`, `sys`, `socket` and `json`.

viscript VERB...          the daemon parses and runs it; a few verbs run here (`LOCAL`)
viscript -c 'A; B'        several, until one fails; --keep-going goes on
echo A | viscript         the same, line by line as they arrive
viscript                  on a terminal: the prompt
"""

import os
import sys

from viscript.errors import ExitCode
from viscript.local.client import Client, data_form
from viscript.local.screen import COLOUR_CHOICES

# Spelling -> module of viscript.local. A test holds it equal to the verb table's client verbs.
# `builtin` means that its handler in the table needs no daemon.
LOCAL = {
    **dict.fromkeys(("quit", "q", "exit", "clear", "c", "cls"), "prompting"),
    **dict.fromkeys(("list_terms", "lt", "new_term", "nt", "close_term", "ct", "focus", "foc"), "prompting"),
    **dict.fromkeys(("use", "u"), "prompting"),
    "alias": "aliases",
    **dict.fromkeys(("history", "hi"), "past"),
    **dict.fromkeys(("source", "."), "source"),
    "watch": "watch",
    "top": "top",
    "run": "program",
    "daemon": "daemon",
    "daemon upgrade": "upgrade",
    "doctor": "doctor",
    "prove": "prove",
    "demo": "demo",
    "store migrate": "migrating",
    "init": "initial",
    "completion": "completion",
    "service print": "service",
    "service install": "service",
    **dict.fromkeys(("version", "v"), "builtin"),
    **dict.fromkeys(("config check", "config explain", "config schema"), "builtin"),
    **dict.fromkeys(("plugins new", "pl new"), "builtin"),
}

# Verbs of the daemon that begin with the word of a client verb.
REMOTE: frozenset[str] = frozenset({"daemon status", "daemon stop"})

# Verbs whose further options are an app's own, or of a command elsewhere, `--color` among them.
_STARTERS = frozenset({"start", "s", "run", "ssh"})

USAGE = "usage: viscript [-c COMMANDS] [--keep-going] [--color auto|always|never] [VERB ARGUMENTS...]"


class WrongUseError(Exception):
    """The command line cannot be understood; the text says why."""


class Options:
    """What stands before the verb."""

    __slots__ = ("argv", "colour", "keep_going", "script")

    def __init__(self, argv: list[str]) -> None:
        self.argv = list(argv)
        self.colour = "auto"
        self.keep_going = False
        self.script: str | None = None
        while self.argv and self._take_first():
            pass
        if self.argv and self.argv[0] not in _STARTERS:
            self._take_colour_behind()

    def _take_first(self) -> bool:
        word = self.argv[0]
        if word == "--keep-going":
            self.keep_going = True
            del self.argv[0]
        elif word == "-c":
            self.script = self._value(0)
        elif word == "--color" or word.startswith("--color="):
            self.colour = _checked_colour(self._value(0))
        else:
            return False
        return True

    def _take_colour_behind(self) -> None:
        for at, word in enumerate(self.argv):
            if word == "--":
                return
            if word == "--color" or word.startswith("--color="):
                self.colour = _checked_colour(self._value(at))
                return

    def _value(self, at: int) -> str:
        """Take out the option at `at` and its value."""
        option, equals, value = self.argv.pop(at).partition("=")
        if equals:
            return value
        if at == len(self.argv):
            raise WrongUseError(f"{option} needs a value")
        return self.argv.pop(at)


def main() -> None:
    """Run the command and leave at once: taking an interpreter down costs more than some verbs."""
    _fill_standard_descriptors()
    try:
        code = run(sys.argv[1:])
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed by whoever started us
                stream.flush()
    except BrokenPipeError:
        code = int(ExitCode.FAILED)  # the reader left; nobody is there to be told
    except OSError as exc:
        code = Client(os.environ).fail(ExitCode.FAILED, f"{exc.strerror or exc}")  # a full disk behind stdout
    except KeyboardInterrupt:
        code = int(ExitCode.INTERRUPTED)
    os._exit(code)


def _fill_standard_descriptors() -> None:
    """Where one is closed, a socket of ours would get its number, and our own text."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def run(argv: list[str]) -> int:
    """Do what the command line asks; the exit code."""
    try:
        options = Options(argv)
    except WrongUseError as exc:
        return Client(os.environ).fail(ExitCode.USAGE, f"{exc}; {USAGE}", form=data_form(argv))
    if options.script is not None and options.argv:
        return Client(os.environ).fail(ExitCode.USAGE, f"-c and a verb exclude each other; {USAGE}")
    if options.argv:
        return run_verb(Client(os.environ, colour=options.colour), options.argv)
    from viscript.local import several

    client = Client(os.environ, colour=options.colour, mode="script")
    if options.script is not None:
        return several.run_text(client, options.script, keep_going=options.keep_going)
    if client.screen.into and client.screen.out:
        from viscript.local import prompt

        client.mode = "repl"
        return prompt.run(client)
    client.mode = "piped"
    return several.run_stdin(client, keep_going=options.keep_going)


def run_verb(client: Client, argv: list[str]) -> int:
    """Run one verb, here or in the daemon; the exit code."""
    if argv[0] in ("--version", "-V"):
        argv = ["version", *argv[1:]]
    elif argv[0] in ("--help", "-h"):
        argv = ["help", *argv[1:]]
    elif argv[0] == "--complete":
        from viscript.local import complete

        return complete.run(client, argv[1:])
    if local_module(argv) or (_asks_for_help(argv) and client.is_alone()):
        from viscript.local import dispatch

        return dispatch.run(client, argv)
    code = client.run_argv(argv)
    if code == 0 and verb_words(argv)[:2] == ["daemon", "stop"]:
        _await_end(client.home.daemon_facts)
    return code


def _await_end(facts: str, patience_s: float = 10.0) -> None:
    """A daemon that was stopped is gone when we return: its facts go with its lock."""
    import time

    end = time.monotonic() + patience_s
    while os.path.exists(facts) and time.monotonic() < end:
        time.sleep(0.01)


def local_module(argv: list[str]) -> str | None:
    """The module that runs this verb here; None when the daemon runs it."""
    words = verb_words(argv)
    pair = " ".join(words[:2])
    if not words or pair in REMOTE:
        return None
    return LOCAL.get(pair) or LOCAL.get(words[0])


def _asks_for_help(argv: list[str]) -> bool:
    """Whether the verb table alone may answer: somebody new has no daemon yet."""
    return argv[0] in ("help", "h", "?") or argv[-1] in ("-h", "--help")


def verb_words(argv: list[str]) -> list[str]:
    """The words from the verb on; `-o FORMAT` may stand before it."""
    if argv and argv[0] in ("-o", "--output"):
        return argv[2:]
    return argv[1:] if argv and argv[0].startswith("--output=") else argv


def _checked_colour(choice: str) -> str:
    if choice not in COLOUR_CHOICES:
        raise WrongUseError(f'--color is one of {", ".join(COLOUR_CHOICES)}, not "{choice}"')
    return choice
