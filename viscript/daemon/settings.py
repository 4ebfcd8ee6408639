"""The daemon's configuration file: which one, and its plugins first, since they name apps too.

A file is read once; it is checked when the plugins it names have said which apps they register. Only then
is a reference to an app known to be right or wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from viscript.config.fault import BadConfig
from viscript.config.find import find_config
from viscript.config.loader import Draft, Known, Loaded, draft
from viscript.home import Home


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line of the daemon said."""

    config: str | None = None
    no_config: bool = False  # `run` never trusts ./config.yaml
    guarded: bool = False  # nobody watches: the keeper starts this daemon again when it crashes
    cwd: str = "/"


def chosen_file(options: Options, environ: Mapping[str, str], home: Home) -> str:
    """The absolute path of the configuration file; empty when there is none."""
    if options.no_config:
        return ""
    found = find_config(options.config, environ, options.cwd, home.root)
    return "" if found.path is None else str(Path(options.cwd, found.path))


def read_draft(file: str, environ: Mapping[str, str]) -> Draft:
    """One file, or the defaults without one. Raises VerbError BAD_CONFIG when the file has no such form."""
    try:
        return draft(file, environ)
    except BadConfig as bad:
        raise bad.as_verb_error() from bad


def finished(read: Draft, known: Collection[str]) -> Loaded:
    """The whole of it, beside the apps of plugins. Raises VerbError BAD_CONFIG with all faults."""
    try:
        return read.finished(known)
    except BadConfig as bad:
        raise bad.as_verb_error() from bad


def read_file(file: str, environ: Mapping[str, str], known: Known) -> Loaded:
    """Both at once, when the plugins are known already."""
    read = read_draft(file, environ)
    return finished(read, known(read.plugins))
