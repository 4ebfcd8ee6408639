"""What this machine can do: run programs, make a virtual environment, install Debian packages."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.faults import BootError

# Debian package -> a program of it. What the tests need beyond Python, on a bare CI machine.
PACKAGES: Mapping[str, str] = {
    "chromium": "chromium",
    "curl": "curl",
    "datefudge": "datefudge",
    "dnsmasq-base": "dnsmasq",
    "etcd-server": "etcd",
    "git": "git",
    "iproute2": "ip",
    "iperf3": "iperf3",
    "iputils-ping": "ping",
    "netcat-openbsd": "nc",
    "nftables": "nft",
    "nginx-light": "nginx",
    "nodejs": "node",
    "npm": "npm",
    "openssh-client": "ssh",
    "openssh-server": "sshd",
    "procps": "ps",
    "redis-server": "redis-server",
    "tmux": "tmux",
}
POLICY = Path("/usr/sbin/policy-rc.d")


def capture(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit code and whole output of a program."""
    done = subprocess.run(
        argv,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def runs(argv: Sequence[str]) -> bool:
    """Whether a program starts and ends well."""
    try:
        return capture(argv)[0] == 0
    except OSError:
        return False


def remove(folder: Path) -> None:
    """Remove a folder and all below it, if it is there."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def make_venv(venv: Path, *, apt: bool) -> None:
    """Make a virtual environment by whatever way this Python offers.

    Raises `BootError`, saying what to install, when there is none.
    """
    if not has("ensurepip") and not has("pip") and apt:
        apt_install([venv_package()])
    if has("venv") and has("ensurepip"):
        flags = []
    elif has("venv") and has("pip"):
        flags = ["--without-pip"]
    else:
        raise BootError(_no_venv())
    code, output = capture([sys.executable, "-m", "venv", *flags, str(venv)])
    if code:
        last = (output.strip().splitlines() or ["no message"])[-1]
        raise BootError(f"python -m venv failed: {last}")


def pip_for(venv: Path, python: Path) -> list[str]:
    """The pip that installs into `venv`: its own, or this Python's when it was made without one."""
    if any(venv.glob("lib*/python*/site-packages/pip")) or os.name == "nt":
        return [str(python), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(python)]


def has(module: str) -> bool:
    """Whether this Python could import a module, looked up afresh."""
    importlib.invalidate_caches()
    return importlib.util.find_spec(module) is not None


def venv_package() -> str:
    """The Debian package that completes `python3 -m venv` for this Python."""
    return f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"


def _no_venv() -> str:
    if shutil.which("apt-get") is None:
        return f"{sys.executable} has neither ensurepip nor pip; install your system's python3 venv package"
    return (
        f"{sys.executable} cannot make virtual environments; as root: apt-get install -y {venv_package()}"
        " (or `boot.py up --apt`)"
    )


def missing_packages() -> list[str]:
    """The Debian packages whose programs the tests would not find."""
    return [package for package, program in PACKAGES.items() if shutil.which(program) is None]


def can_apt() -> bool:
    """Whether Debian packages can be installed by us."""
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages; none of their services is started. Raises `BootError`."""
    if not can_apt():
        raise BootError(f"installing {' '.join(packages)} needs root on a Debian system")
    sys.stderr.write(f"boot: apt-get install {' '.join(packages)}\n")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _services_stay_down():
        for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", *packages]):
            code, output = capture(["apt-get", *command], environ)
            if code:
                last = (output.strip().splitlines() or ["no message"])[-1]
                raise BootError(f"apt-get {command[0]} failed: {last}")


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """Debian starts what it installs, unless this file forbids it."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
