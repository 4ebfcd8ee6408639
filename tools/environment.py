"""The folder .venv: made once, filled from the hash-pinned lock, and left alone while nothing changed.

The stamp file in it tells what it was made for (this folder, this Python) and which locks it holds; a run
whose digests agree touches nothing. The dev lock contains the runtime lock, so a dev environment serves both.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tools import machine
from tools.faults import BootError, explain_pip

Kind = Literal["runtime", "dev"]

LOCKS: Mapping[Kind, str] = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}
SERVED_BY: Mapping[Kind, tuple[Kind, ...]] = {"runtime": ("runtime", "dev"), "dev": ("dev",)}
PROJECT_FILES = ("setup.cfg", "pyproject.toml", "viscript/__init__.py")
# Settings of the person's pip that would put packages somewhere else; index, proxy and CA settings stay.
UNWANTED = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONPATH", "PYTHONHOME")


def ensure(root: Path, kind: Kind, *, apt: bool = False) -> Path:
    """The Python of an environment that holds `kind`; made or filled first if need be.

    Raises `BootError` with one sentence when it cannot be.
    """
    venv = root / ".venv"
    python = python_of(venv)
    if is_current(root, kind):
        return python
    with _alone(root):
        if not is_current(root, kind):  # another run may have made it meanwhile
            _remake(root, venv, apt=apt)
            _install(root, venv, kind)
    return python


def python_of(venv: Path) -> Path:
    """Where an environment keeps its interpreter."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_current(root: Path, kind: Kind) -> bool:
    """Whether .venv already holds what the lock and the project ask for."""
    stamp = _read_stamp(root / ".venv")
    return any(stamp.get(holder) == digest(root, holder) for holder in SERVED_BY[kind])


def digest(root: Path, kind: Kind) -> str:
    """What an environment of this kind is made of, as one word."""
    hashed = hashlib.sha256(f"{_home(root)}\n{kind}\n".encode())
    for name in (LOCKS[kind], *PROJECT_FILES):
        hashed.update((root / name).read_bytes())
    return hashed.hexdigest()


def _home(root: Path) -> str:
    return f"{root} {sys.base_prefix} {sys.version_info[0]}.{sys.version_info[1]}"


def _read_stamp(venv: Path) -> dict[str, str]:
    try:
        lines = (venv / "boot-stamp").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {key: value for key, _, value in (line.partition(" ") for line in lines)}


def _write_stamp(venv: Path, **facts: str) -> None:
    beside = venv / "boot-stamp.new"
    beside.write_text("".join(f"{key} {value}\n" for key, value in facts.items()), encoding="utf-8")
    beside.replace(venv / "boot-stamp")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the checkout while it is set up; a second run waits."""
    if os.name == "nt":
        yield
        return
    import fcntl

    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _remake(root: Path, venv: Path, *, apt: bool) -> None:
    """Make .venv unless a working one, made here by this Python, is there already."""
    if _read_stamp(venv).get("home") == _home(root) and machine.runs([str(python_of(venv)), "-c", ""]):
        return
    if venv.exists() and not (venv / "pyvenv.cfg").exists():
        raise BootError(f"{venv} is there and is no virtual environment; move it away")
    machine.remove(venv)
    sys.stderr.write(f"boot: making {venv} (once)\n")
    try:
        machine.make_venv(venv, apt=apt)
    except BaseException:
        machine.remove(venv)  # venv leaves a half-made folder behind
        raise
    _write_stamp(venv, home=_home(root))


def _install(root: Path, venv: Path, kind: Kind) -> None:
    """Fill .venv from the lock, then put the project itself in, without fetching anything unpinned."""
    sys.stderr.write(f"boot: installing {LOCKS[kind]}\n")
    _write_stamp(venv, home=_home(root))  # a failure half way must not look current
    _pip(venv, ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(root / LOCKS[kind])])
    _pip(venv, ["--no-build-isolation", "--no-deps", "--no-index", "-e", str(root)])
    _write_stamp(venv, home=_home(root), **{kind: digest(root, kind)})


def _pip(venv: Path, args: list[str]) -> None:
    environ = {key: value for key, value in os.environ.items() if key not in UNWANTED}
    environ |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    code, output = machine.capture(
        [*machine.pip_for(venv, python_of(venv)), "install", "--quiet", *args], environ
    )
    if code:
        raise BootError(explain_pip(output))
