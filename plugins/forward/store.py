"""The rules that verbs made, kept in a file over restarts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from plugins.forward.rules import Rule, RuleError, Rules

NAME: Final = "rules.json"


class _Kept(msgspec.Struct, frozen=True):
    """The whole file."""

    last: int
    rules: dict[int, Rule]


def load(folder: Path | None) -> Rules:
    """The rules of a folder; none where there is no file yet. Raises `RuleError` for one that is damaged."""
    if folder is None:
        return Rules()
    path = folder / NAME
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return Rules()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise RuleError("damaged", f"{path} cannot be read: {exc}; move it away to begin anew") from exc
    return Rules(kept.rules, kept.last)


def save(folder: Path | None, rules: Rules) -> None:
    """Write them, wholly or not at all. Raises `RuleError`."""
    if folder is None:
        return
    data = msgspec.json.format(msgspec.json.encode(_Kept(rules.last, rules.kept)))
    fresh = folder / f"{NAME}.new"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(fresh, "wb", opener=_private) as file:
            file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / NAME)
    except OSError as exc:
        raise RuleError("not-kept", f"the rule cannot be kept in {folder}: {exc.strerror}") from exc


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
