"""The daemon's configuration file: which one, and its plugins first, since they name apps too.

A file is read twice: once as far as its `plugins` section, and whole when the plugins have said
which apps they register. Only then is a reference to an app known to be right or wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from viscript.config.fault import BadConfig
from viscript.config.find import find_config
from viscript.config.loader import Known, Loaded, defaults, load
from viscript.config.model import Plugins
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


class _Seen(Exception):
    """Ends a reading at the plugins section."""

    def __init__(self, plugins: Plugins) -> None:
        super().__init__()
        self.plugins = plugins


def read_plugins(file: str, environ: Mapping[str, str]) -> Plugins:
    """The `plugins` section alone. Raises VerbError BAD_CONFIG when the file has no such form."""

    def stop(plugins: Plugins) -> NoReturn:
        raise _Seen(plugins)

    try:
        return read_file(file, environ, stop).config.plugins
    except _Seen as seen:
        return seen.plugins


def read_file(file: str, environ: Mapping[str, str], known: Known) -> Loaded:
    """The whole of one file, or the defaults without one. Raises VerbError BAD_CONFIG with all faults."""
    try:
        return load(file, environ, known=known) if file else defaults(environ)
    except BadConfig as bad:
        raise bad.as_verb_error() from bad
