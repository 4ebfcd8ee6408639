"""The lines typed at the prompt, kept between runs in a file only the user may read, without secrets."""

import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History

from viscript.redact import holds_secret

MOST_LINES = 5_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


class SafeHistory(History):
    """One escaped line a command. Lines with a secret and lines that begin with a blank are not kept."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        super().__init__()

    def load_history_strings(self) -> Iterable[str]:
        """The newest first."""
        return reversed(read_lines(self._path))

    def append_string(self, string: str) -> None:
        """Remember a line, for this run and, if it may be stored, for later ones."""
        if not string.strip() or string.startswith(" ") or holds_secret(string):
            return  # not for the arrow keys either: what is there can end on a shared screen
        super().append_string(string)

    def store_string(self, string: str) -> None:
        """Append to the file; a disk that is full costs the line, not the prompt."""
        try:
            with open(self._path, "a", encoding="utf-8", opener=_private) as file:
                file.write(string.translate(_ESCAPES) + "\n")
        except OSError:
            return


def read_lines(path: Path) -> list[str]:
    """The commands of a history file, oldest first, at most `MOST_LINES`."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [_unescape(line) for line in text.splitlines()[-MOST_LINES:] if line]


def trim(path: Path) -> None:
    """Keep the file within its bound; and keep others from reading it, whoever made it."""
    try:
        os.chmod(path, 0o600)  # noqa: PTH101 (one word for both calls)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    if len(lines) > 2 * MOST_LINES:
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with open(draft, "w", encoding="utf-8", opener=_private) as file:
            file.write("\n".join(lines[-MOST_LINES:]) + "\n")
        draft.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _unescape(line: str) -> str:
    parts = line.split("\\\\")
    return "\\".join(part.replace("\\n", "\n") for part in parts)
