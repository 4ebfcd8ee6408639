"""The daemon's configuration file: which one, read whole, or every fault in it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from viscript.config.fault import BadConfig
from viscript.config.find import find_config
from viscript.config.loader import Loaded, defaults, load
from viscript.errors import ExitCode, VerbError
from viscript.home import Home


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line of the daemon said."""

    config: str | None = None
    no_config: bool = False  # `run` never trusts ./config.yaml
    guarded: bool = False  # nobody watches: the keeper starts this daemon again when it crashes
    cwd: str = "/"


def read_settings(options: Options, environ: Mapping[str, str], home: Home) -> Loaded:
    """The configuration to start with. Raises VerbError BAD_CONFIG with all faults."""
    if options.no_config:
        return defaults(environ)
    found = find_config(options.config, environ, options.cwd, home.root)
    if found.path is None:
        return defaults(environ)
    return read_file(found.path, environ)


def read_file(path: str, environ: Mapping[str, str]) -> Loaded:
    """One file. Raises VerbError BAD_CONFIG with all faults."""
    try:
        return load(path, environ)
    except BadConfig as bad:
        raise VerbError(ExitCode.BAD_CONFIG, "\n".join(str(fault) for fault in bad.faults)) from bad
