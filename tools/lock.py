"""`boot.py lock`: make both lock files anew with uv, for every platform, with hashes, without index URLs."""

import shutil
import subprocess
from pathlib import Path

from tools.faults import BootError

LOCKS = (("requirements.in", "requirements.lock"), ("requirements-dev.in", "requirements-dev.lock"))


def command(uv: str, source: str, target: str) -> list[str]:
    """The uv call that turns one `.in` file into its lock."""
    return [
        uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version", "3.11",
        "--only-binary", ":all:", "--no-emit-index-url", "--no-emit-find-links",
        "--custom-compile-command", "python3 boot.py lock", source, "-o", target,
    ]  # fmt: skip


def run(root: Path) -> int:
    """Make both locks; uv's exit code. Raises `BootError` without uv."""
    uv = shutil.which("uv")
    if uv is None:
        raise BootError("uv is not installed; it makes the locks (it is not needed to use them)")
    for source, target in LOCKS:
        code = subprocess.run(command(uv, source, target), cwd=root, check=False).returncode
        if code:
            return code
    return 0
