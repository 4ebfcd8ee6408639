"""The address book of this node: labels for keys, kept in one small file that only its user reads.

A name resolves here and nowhere else: what strangers call themselves in a directory never does, since anybody
may take any name there. A prefix of a key is accepted only of keys we know; allow lists take whole keys.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from components.mesh import keys
from components.mesh.errors import BadKey, MeshError
from signal_bus.ids import PublicKey

LABELS_MAX: Final = 10_000
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.IGNORECASE)
_PREFIX: Final = re.compile(r"[0-9a-f]{6,63}")


class BookError(MeshError):
    """A name that cannot be given, or that nobody has."""


class Book:
    """Labels by key. `path` is written whole at each change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._labels: dict[PublicKey, str] = {}
        self._load()

    def label(self, key: PublicKey) -> str:
        """What we call this key; nothing where it has no name."""
        return self._labels.get(key, "")

    def labels(self) -> Mapping[PublicKey, str]:
        """All names."""
        return dict(self._labels)

    def name(self, key: PublicKey, label: str) -> None:
        """Call a key `label`, or nothing. Raises `BookError` for a name that is taken or has no form."""
        if not label:
            self._labels.pop(key, None)
        else:
            self._check(key, label)
            self._labels[key] = label
        self._save()

    def resolve(self, text: str, known: Iterable[PublicKey] = ()) -> PublicKey:
        """The key `text` means: a key, one of our labels, or 6 digits or more of the only key that has them.

        `known` are keys known besides those with a label. Raises `BookError` saying what it could mean.
        """
        named = [key for key, label in self._labels.items() if label == text]
        if named:
            return named[0]
        try:
            return keys.parse(text)
        except BadKey as bad:
            return self._by_prefix(text, known, bad)

    def _by_prefix(self, text: str, known: Iterable[PublicKey], bad: BadKey) -> PublicKey:
        prefix = text.lower()
        if not _PREFIX.fullmatch(prefix):
            raise BookError(f"nobody here is called {text!r}: a label, a prefix or a key ({bad})") from bad
        found = {key for key in (*self._labels, *known) if key.hex().startswith(prefix)}
        if len(found) == 1:
            return found.pop()
        if not found:
            raise BookError(f"no key known here begins with {prefix}; give the whole key") from bad
        shown = ", ".join(sorted(key.hex()[:12] for key in found)[:3])
        raise BookError(f"{prefix} could be {len(found)} keys: {shown}") from bad

    def _check(self, key: PublicKey, label: str) -> None:
        if not _LABEL.fullmatch(label):
            raise BookError(f"{label!r} is no label: letters, digits, dots, dashes, at most 63")
        if _PREFIX.fullmatch(label.lower()) or (label.lower().startswith("02") and len(label) >= 64):
            raise BookError(f"{label!r} could be mistaken for a key")
        if label in self._labels.values() and self._labels.get(key) != label:
            raise BookError(f"{label!r} is another key's label already")
        if len(self._labels) >= LABELS_MAX and key not in self._labels:
            raise BookError(f"the address book holds {LABELS_MAX} labels")

    def _load(self) -> None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        try:
            found = msgspec.json.decode(data, type=dict[str, str])
            self._labels = {keys.parse(key): label for key, label in found.items()}
        except (msgspec.DecodeError, BadKey) as exc:
            raise BookError(f"{self._path} is no address book: {exc}; mend it or move it away") from exc

    def _save(self) -> None:
        draft = self._path.with_name(self._path.name + ".new")
        text = msgspec.json.format(
            msgspec.json.encode({key.hex(): label for key, label in self._labels.items()})
        )
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(text + b"\n")
        draft.replace(self._path)
