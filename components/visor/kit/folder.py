"""Where an app keeps its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from components.visor.apps import place


def state_folder(name: str, environ: Mapping[str, str]) -> Path:
    """Made if need be, for this user alone: as the daemon says, else beside the visor. Raises `OSError`."""
    own = environ.get("VISCRIPT_STATE")
    folder = Path(own).absolute() if own else place.default_path(environ).parent.with_name(name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
