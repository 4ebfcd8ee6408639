"""The keys a private messenger serves, from a file or a list. A public one has no list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from components.mesh import keys
from components.mesh.errors import BadKey
from signal_bus.ids import PublicKey

MAX_BYTES: Final = 4 * 1024 * 1024


class AllowError(Exception):
    """The list cannot be used; the sentence names every fault."""


def read(text: str) -> frozenset[PublicKey]:
    """The keys of `text`: a comma-separated list, or a file with one key a line (`#` starts a comment).

    Raises `AllowError`.
    """
    path = Path(text)
    if not path.is_file():
        return _parsed("--allow", ((number, word) for number, word in enumerate(text.split(","), start=1)))
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AllowError(f"{text}: longer than {MAX_BYTES} bytes")
        return _parsed(text, _lines(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as exc:
        raise AllowError(f"{text}: {exc}") from exc


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.partition("#")[0].strip()
        if word:
            yield number, word


def _parsed(where: str, words: Iterator[tuple[int, str]]) -> frozenset[PublicKey]:
    found, faults = set(), []
    for number, word in words:
        try:
            found.add(keys.parse(word.strip()))
        except BadKey as exc:
            faults.append(f"{where}: {number}: {exc}")
    if faults:
        raise AllowError("\n".join(faults))
    return frozenset(found)
