"""Can the program itself be run: its interpreter, its permissions."""

import os
from pathlib import Path

from viscript.config.textfile import read_plain
from viscript.supervisor.api import Instance

_FIRST_LINE_MAX = 256


def missing_interpreter(instance: Instance) -> str | None:
    """The program that a script's first line asks for, if it is not there."""
    path = _path(instance)
    try:
        first = read_plain(str(path), _FIRST_LINE_MAX).split(b"\n", 1)[0]
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    # As the kernel splits it: a carriage return is a part of the name.
    name = os.fsdecode(first[2:]).strip(" \t").replace("\t", " ").partition(" ")[0]
    if not name or "\0" in name or Path(name).exists():
        return None
    return f"{name[:-1]} with a carriage return behind it" if name.endswith("\r") else name


def unusable(instance: Instance) -> str | None:
    """The first folder on the way to the program that this user may not enter."""
    for folder in reversed(_path(instance).parents):
        if not folder.is_dir():
            return None
        if not os.access(folder, os.X_OK):
            return str(folder)
    return None


def _path(instance: Instance) -> Path:
    return Path(instance.entry.folder, instance.argv[0] if instance.argv else "")
