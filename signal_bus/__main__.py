"""Writes what is generated from the types: `python -P -m signal_bus docs/reference`."""

import sys
from pathlib import Path

from signal_bus.reference import page

if __name__ == "__main__":
    Path(sys.argv[1], "bus-messages.md").write_text(page(), encoding="utf-8")
