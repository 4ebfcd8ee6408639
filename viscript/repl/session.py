"""Terms, default targets and aliases of one prompt. Pure, apart from the file of aliases."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from viscript.errors import ExitCode, VerbError
from viscript.verbs.parse import parse
from viscript.verbs.table import Table

MOST_TERMS = 64
PROGRAM = "viscript"  # lines of the documentation may be pasted as they are


@dataclass
class Term:
    """One session, and the target and the host its commands mean when they name none."""

    id: int
    target: str = ""
    host: str = ""

    @property
    def means(self) -> str:
        """Host and target as one word."""
        return f"{self.host}/{self.target}" if self.host else self.target


@dataclass
class Session:
    """What the verbs of the prompt itself change."""

    terms: dict[int, Term] = field(default_factory=lambda: {1: Term(1)})
    focused: int = 1
    aliases: dict[str, str] = field(default_factory=dict)
    quitting: bool = False
    stop_all: bool = False

    @property
    def term(self) -> Term:
        """The one that is typed into."""
        return self.terms[self.focused]

    def new_term(self, target: str = "") -> Term:
        """Open a term and go there. Raises `VerbError` when there are too many."""
        if len(self.terms) >= MOST_TERMS:
            raise VerbError(ExitCode.FAILED, f"{MOST_TERMS} terms are open; close one with: close_term ID")
        term = Term(max(self.terms) + 1, target)
        self.terms[term.id] = term
        self.focused = term.id
        return term

    def find_term(self, word: str) -> Term:
        """The term with that number. Raises `VerbError` NOT_FOUND."""
        if word.isdecimal() and int(word) in self.terms:
            return self.terms[int(word)]
        open_now = ", ".join(str(id) for id in self.terms)
        raise VerbError(ExitCode.NOT_FOUND, f'no term "{word}" (open: {open_now})')

    def close_term(self, word: str) -> Term:
        """Close one; the lowest of the others is focused. Raises `VerbError` for the last."""
        term = self.find_term(word) if word else self.term
        if len(self.terms) == 1:
            raise VerbError(ExitCode.FAILED, "this is the last term; leave the prompt with: quit")
        del self.terms[term.id]
        if self.focused == term.id:
            self.focused = min(self.terms)
        return term

    def prompt(self) -> str:
        """What stands before the cursor."""
        number = f" {self.focused}" if len(self.terms) > 1 else ""
        target = f"({self.term.means})" if self.term.means else ""
        return f"viscript{number}{target}> "

    def expand(self, words: Sequence[str], table: Table) -> list[str]:
        """The words with an alias replaced and a missing target filled in; without a `viscript` in front."""
        found = list(words[1:] if len(words) > 1 and words[0] == PROGRAM else words)
        if found and found[0] in self.aliases:
            found = [*self.aliases[found[0]].split(), *found[1:]]
        return self._with_target(found, table)

    def _with_target(self, words: list[str], table: Table) -> list[str]:
        if not words or not self.term.target or _parses(words, table):
            return words
        verb = table.get(" ".join(words[:2])) or table.get(words[0])
        if verb is None or not any(arg.kind == "target" for arg in verb.args):
            return words
        length = 2 if table.get(" ".join(words[:2])) else 1
        completed = [*words[:length], self.term.target, *words[length:]]
        return completed if _parses(completed, table) else words


def _parses(words: list[str], table: Table) -> bool:
    try:
        parse(table, words)
    except VerbError:
        return False
    return True


def load_aliases(path: Path) -> dict[str, str]:
    """The aliases kept in a file; none when it is absent or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def save_aliases(path: Path, aliases: dict[str, str]) -> None:
    """Keep the aliases for later prompts. Raises `OSError`."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(aliases, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(path)
