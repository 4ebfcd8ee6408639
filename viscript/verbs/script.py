"""Scripts: text -> commands. Shell quoting, `;` and line ends part commands, `#` comments. Pure.

Nothing is expanded: no variables, no globs, no pipes. A backslash at the end of a line joins it
with the next; inside double quotes it escapes `"` and itself.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from viscript.errors import ExitCode, VerbError


@dataclass(frozen=True, kw_only=True)
class Command:
    """The words of one command and the line it begins on."""

    words: tuple[str, ...]
    line: int


@dataclass(frozen=True, kw_only=True)
class Partial:
    """A command that is still typed: its finished words, the last one so far, where that begins."""

    words: tuple[str, ...]
    last: str
    start: int


class _In(Enum):
    GAP = auto()
    WORD = auto()
    SINGLE = auto()
    DOUBLE = auto()
    COMMENT = auto()


_BLANK: Final = " \t\r"
_END: Final = ";\n"


def split(text: str) -> list[Command]:
    """All commands of a script. Raises `VerbError` USAGE with the place of a missing quote."""
    lexer = _Lexer()
    lexer.feed(text)
    if lexer.state in (_In.SINGLE, _In.DOUBLE):
        line, column = _place(text, lexer.opened)
        raise VerbError(ExitCode.USAGE, f"line {line}, column {column}: the quote is never closed")
    lexer.end_command()
    return lexer.commands


def partial(text: str) -> Partial:
    """The command at the end of a text that may stop anywhere, for completion."""
    lexer = _Lexer()
    lexer.feed(text)
    inside = lexer.state in (_In.WORD, _In.SINGLE, _In.DOUBLE)
    return Partial(
        words=tuple(lexer.words),
        last=lexer.word if inside else "",
        start=lexer.began if inside else len(text),
    )


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


class _Lexer:
    """One character after the other; `words` and `word` are those of the command under way."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.words: list[str] = []
        self.word = ""
        self.state = _In.GAP
        self.began = 0  # where the word begins
        self.opened = 0  # where the quote begins
        self._line = 1
        self._first_line = 1

    def feed(self, text: str) -> None:
        """Read all of it."""
        at = 0
        while at < len(text):
            char = text[at]
            if char == "\\" and self.state not in (_In.SINGLE, _In.COMMENT):
                at = self._escape(text, at)
            else:
                self._step(char, at)
            self._line += char == "\n"
            at += 1

    def end_command(self) -> None:
        """Close the word and the command under way."""
        self._end_word()
        if self.words:
            self.commands.append(Command(words=tuple(self.words), line=self._first_line))
        self.words = []

    def _escape(self, text: str, at: int) -> int:
        following = text[at + 1 : at + 2]
        if following == "\n":
            self._line += 1
            return at + 1
        if self.state is _In.DOUBLE and following not in ('"', "\\"):
            self.word += "\\"
            return at
        self._begin(at)
        self.word += following
        return at + 1

    def _step(self, char: str, at: int) -> None:
        if self.state is _In.COMMENT:
            if char == "\n":
                self.state = _In.GAP
                self.end_command()
        elif self.state in (_In.SINGLE, _In.DOUBLE):
            if char == ("'" if self.state is _In.SINGLE else '"'):
                self.state = _In.WORD
            else:
                self.word += char
        elif char in _END:
            self.end_command()
        elif char in _BLANK:
            self._end_word()
        elif char == "#" and self.state is _In.GAP:
            self.state = _In.COMMENT
        else:
            self._in_word(char, at)

    def _in_word(self, char: str, at: int) -> None:
        self._begin(at)
        if char in "'\"":
            self.state = _In.SINGLE if char == "'" else _In.DOUBLE
            self.opened = at
        else:
            self.word += char

    def _begin(self, at: int) -> None:
        if self.state is _In.GAP:
            if not self.words:
                self._first_line = self._line
            self.state = _In.WORD
            self.began = at

    def _end_word(self) -> None:
        if self.state is _In.WORD:
            self.words.append(self.word)
        self.word = ""
        if self.state is not _In.COMMENT:
            self.state = _In.GAP
