"""`boot.py test`: lint, format, types, import rules, then the tests.

Every step runs, whatever the one before it found; any failure fails the whole.

The tests start thousands of real processes beside each other. A few that fail then are run once more, alone
and in turn: what fails again is a fault; what passes is named as unsteady (docs/decisions/0002).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools import environment, machine
from tools.faults import BootError

UNSTEADY_AT_MOST: Final = 5
"""Of this many failures a second look is worth its time; more are a fault."""
_CACHE: Final = ".pytest_cache/boot"
_WORKERS_A_PROCESSOR: Final = 1.5  # tests of whole programs wait half of their time


def steps(python: str, pytest_args: Sequence[str]) -> dict[str, list[str]]:
    """The checks by name, in order. pytest is last, so that its closing line is the last thing seen."""
    scripts = Path(python).parent
    workers = str(max(2, int(_WORKERS_A_PROCESSOR * (os.cpu_count() or 1))))
    return {
        "ruff check": [python, "-m", "ruff", "check", "--quiet", "."],
        "ruff format": [python, "-m", "ruff", "format", "--quiet", "--check", "."],
        "mypy": [python, "-m", "mypy"],
        "lint-imports": [str(scripts / "lint-imports"), "--no-logo"],
        "pytest": [
            *(python, "-P", "-m", "pytest", "-n", workers, "--dist", "worksteal"),
            *("-o", f"cache_dir={_CACHE}", "--cache-clear", *pytest_args),
        ],
    }


def run(root: Path, pytest_args: Sequence[str]) -> int:
    """Set up and run every check; 0 when all are clean."""
    in_ci = os.environ.get("CI") == "true"
    with_apt = in_ci and machine.can_apt()
    python = str(environment.ensure(root, "dev", apt=with_apt))
    missing = machine.missing_packages()
    if with_apt and missing:
        machine.apt_install(missing)
    install_node_packages(root / "tests" / "node")
    failed = [name for name, argv in steps(python, pytest_args).items() if _fails(root, name, argv)]
    if "pytest" in failed and _pass_alone(root, python):
        failed.remove("pytest")
    if failed:
        sys.stderr.write(f"boot: failed: {', '.join(failed)}\n")
    return 1 if failed else 0


def install_node_packages(folder: Path) -> None:
    """Put the pinned Node packages beside the Node tests, if npm is there and the lock changed.

    Raises `BootError`.
    """
    npm = shutil.which("npm")
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / ".installed-lock"
    if npm is None or not lock.exists() or (stamp.exists() and stamp.read_bytes() == lock.read_bytes()):
        return
    # Without scripts: the binaries are in the package, nothing is built and nothing else fetched.
    code, output = machine.capture(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    )
    if code:
        errors = [line for line in output.splitlines() if "error" in line.lower()] or ["no message"]
        raise BootError(f"npm ci failed: {errors[0]}")
    stamp.write_bytes(lock.read_bytes())


def failures(root: Path) -> list[str]:
    """The node ids that failed in the last run; none when it did not get as far as noting them."""
    noted = root / _CACHE / "v" / "cache" / "lastfailed"
    return sorted(json.loads(noted.read_text())) if noted.exists() else []


def _pass_alone(root: Path, python: str) -> bool:
    """Whether the few that failed beside the others pass one by one."""
    again = failures(root)
    if not 0 < len(again) <= UNSTEADY_AT_MOST:
        return False
    if _fails(root, "pytest, the failed ones alone", [python, "-P", "-m", "pytest", *again]):
        return False
    sys.stderr.write("".join(f"boot: unsteady: {test}\n" for test in again))
    return True


def _fails(root: Path, name: str, argv: Sequence[str]) -> bool:
    sys.stderr.write(f"boot: {name}\n")
    sys.stderr.flush()
    return subprocess.run(argv, cwd=root, check=False).returncode != 0
