"""Several commands: of `-c`, a pipe, a file. They stop at the first that fails unless told to keep going."""

import os
from collections.abc import Iterator

from viscript import oneshot
from viscript.errors import ExitCode
from viscript.local.client import Client

LONGEST_LINE = 1 << 20
_CHUNK = 1 << 16


def run_text(client: Client, text: str, *, keep_going: bool) -> int:
    """Run a script; the exit code of the first command that failed."""
    if not _may_hold_local_verb(text):
        return client.run_script(text, keep_going=keep_going)
    from viscript.errors import VerbError
    from viscript.verbs import script

    try:
        commands = script.split(text)
    except VerbError as exc:
        return client.fail(exc.code, exc.text)
    return _run_all((list(command.words) for command in commands), client, keep_going=keep_going)


def run_stdin(client: Client, *, keep_going: bool) -> int:
    """Run each line of standard input as it arrives; the exit code of the first that failed."""
    first_failure = 0
    for line in _commands_of(_lines_of(0)):
        if len(line) > LONGEST_LINE:
            return client.fail(ExitCode.USAGE, f"a line of more than {LONGEST_LINE} characters")
        code = run_text(client, line, keep_going=keep_going)
        first_failure = first_failure or code
        if code and (code == ExitCode.INTERRUPTED or not keep_going):
            break
    return first_failure


def _run_all(commands: Iterator[list[str]], client: Client, *, keep_going: bool) -> int:
    first_failure = 0
    for words in commands:
        code = oneshot.run_verb(client, words)
        first_failure = first_failure or code
        if code and (code == ExitCode.INTERRUPTED or not keep_going):
            break
    return first_failure


def _may_hold_local_verb(text: str) -> bool:
    """Whether a word of the text begins a client verb; if none does, the daemon may run it as a whole."""
    ours = {spelling.split()[0] for spelling in oneshot.LOCAL}
    return any(word.strip("\"'\\") in ours for word in text.replace(";", " ").split())


def _lines_of(descriptor: int) -> Iterator[str]:
    """The lines of a file as they become whole, each with its end."""
    rest = b""
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except OSError:  # closed or not readable: as good as empty
            chunk = b""
        if not chunk:
            break
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (f"{line.decode(errors='replace')}\n" for line in whole)
        if len(rest) > LONGEST_LINE:
            break
    if rest:
        yield rest.decode(errors="replace")


def _commands_of(lines: Iterator[str]) -> Iterator[str]:
    """Lines joined where a quote or a backslash at the end carries on into the next."""
    waiting = ""
    for line in lines:
        waiting += line
        if not _goes_on(waiting):
            yield from _unless_blank(waiting)
            waiting = ""
    yield from _unless_blank(waiting)


def _unless_blank(text: str) -> Iterator[str]:
    if text.strip() and not text.lstrip().startswith("#"):
        yield text


def _goes_on(text: str) -> bool:
    if text.endswith("\\\n"):
        return True
    if "'" not in text and '"' not in text:
        return False
    from viscript.errors import VerbError
    from viscript.verbs import script

    try:
        script.split(text)
    except VerbError:
        return len(text) <= LONGEST_LINE
    return False
