"""Into the project's environment: any Python may start the bench, .venv measures.

Needs the standard library only; .venv is made and filled from the lock if need be.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tools import environment
from tools.environment import Kind
from tools.faults import BootError

ROOT: Final = Path(__file__).resolve().parent.parent
# A bench that needs more than the product does: pproxy is among the tools, and what the tests stand on.
KINDS: Final[Mapping[str, Kind]] = {"apps": "dev", "cluster": "dev", "cluster-faults": "dev", "all": "dev"}


def enter(words: Sequence[str], root: Path = ROOT) -> str:
    """Go on in .venv: does not return, unless this is it; else why it cannot be."""
    kind = KINDS.get(words[0] if words else "", "runtime")
    inside = Path(sys.prefix).resolve() == root / ".venv"
    if inside and environment.is_current(root, kind):
        return ""
    try:
        python = environment.ensure(root, kind)
    except BootError as exc:
        return str(exc)
    if inside:
        return ""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [str(python), "-P", "-m", "bench", *words])
