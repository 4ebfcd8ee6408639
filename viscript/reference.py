"""Writes the reference pages that are made of tables: `python -P -m viscript.reference docs/reference`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from viscript import eventtypes
from viscript.supervisor import lifecycle

PAGES: Final[dict[str, Callable[[], str]]] = {
    "events.md": eventtypes.page,
    "lifecycle.md": lifecycle.page,
}


def main(folder: str) -> None:
    """Write every page into `folder`."""
    for name, page in PAGES.items():
        Path(folder, name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
