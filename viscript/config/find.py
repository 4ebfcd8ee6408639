"""Which configuration file is meant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAME: Final = "config.yaml"


@dataclass(frozen=True, kw_only=True)
class Found:
    """The file to read, or None; and every place looked at, in order, to be shown."""

    path: str | None
    searched: tuple[str, ...]


def find_config(cli: str | None, environ: Mapping[str, str], cwd: str | None, home: str = "") -> Found:
    """The first of `--config`, VISCRIPT_CONFIG, ./config.yaml, the home's, the user's.

    A file that was named is the answer even when it does not exist: reading it then says so. `cwd` is
    None when the current folder is not to be trusted; `home` is the home's root when VISCRIPT_HOME is
    not set.
    """
    named = cli or environ.get("VISCRIPT_CONFIG")
    if named:
        path = str(Path(cwd, named)) if cwd and not cli else named
        return Found(path=path, searched=(path,))
    searched = tuple(dict.fromkeys(_candidates(environ, cwd, home)))
    path_found = next((path for path in searched if Path(path).is_file()), None)
    return Found(path=path_found, searched=searched)


def _candidates(environ: Mapping[str, str], cwd: str | None, home: str) -> Iterator[str]:
    if cwd:
        yield str(Path(cwd, NAME))
    root = environ.get("VISCRIPT_HOME") or home
    if root:
        yield str(Path(root, NAME))
    base = environ.get("XDG_CONFIG_HOME") or (environ.get("HOME") and f"{environ['HOME']}/.config")
    if base:
        yield str(Path(base, "viscript", NAME))
