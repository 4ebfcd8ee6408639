"""SOCKS proxies of others, over loopback and in clear but for ssh."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.apps.programs import Programs, installed, owned
from bench.mesh.faults.program import Trouble
from bench.ports import free_port

# ssh takes any host key, notes none, and reads no settings.
UNASKED: Final = (
    "-F", "none", "-o", "LogLevel=ERROR",
    "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
)  # fmt: skip
_RUN: Final = Path("/run/sshd")  # where sshd gives its rights up


class Proxy(NamedTuple):
    """A SOCKS port, and the processes that carry what goes through it."""

    name: str
    between: int
    port: int
    pids: tuple[int, ...]


def pproxy(programs: Programs) -> Proxy:
    """A plain proxy in Python. Raises `Trouble`."""
    port = free_port()
    pid = programs.server(sys.executable, "-P", "-m", "pproxy", "-l", f"socks5://127.0.0.1:{port}", port=port)
    return Proxy("pproxy", 0, port, (pid,))


def microsocks(programs: Programs) -> Proxy:
    """A plain proxy in C. Raises `Trouble`."""
    port = free_port()
    return Proxy(
        "microsocks", 0, port, (programs.server("microsocks", "-i", "127.0.0.1", "-p", str(port), port=port),)
    )


class Sshd(NamedTuple):
    """An sshd over loopback, and the words that bring `ssh` in."""

    pid: int
    words: tuple[str, ...]


def sshd(programs: Programs) -> Sshd:
    """One of our own. Raises `Trouble`."""
    installed("/usr/sbin/sshd")
    installed("ssh-keygen")
    folder = owned(programs.folder / "ssh")
    for name in ("host", "user"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        if subprocess.run(argv, check=False).returncode:
            raise Trouble("ssh-keygen makes no key")
    (folder / "allowed").write_text((folder / "user.pub").read_text())
    port = free_port()
    programs.inside(_run_folder())
    server = programs.server(
        "/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", str(folder / "host"),
        "-o", f"ListenAddress=127.0.0.1:{port}", "-o", "PidFile=none", "-o", "StrictModes=no",
        "-o", f"AuthorizedKeysFile={folder / 'allowed'}", port=port,
    )  # fmt: skip
    words = ("-p", str(port), "-i", str(folder / "user"), *UNASKED, "127.0.0.1")
    return Sshd(server, words)


def ssh(programs: Programs) -> Proxy:
    """`ssh -D` to an sshd of its own, encrypted once. Raises `Trouble`."""
    made, socks = sshd(programs), free_port()
    client = programs.server("ssh", "-N", "-D", f"127.0.0.1:{socks}", *made.words, port=socks)
    return Proxy("ssh -D", 0, socks, (made.pid, client))


@contextmanager
def _run_folder(folder: Path = _RUN) -> Iterator[None]:
    """sshd wants a folder that its package's service makes, at its start and for each connection."""
    made = not folder.exists() and os.geteuid() == 0
    if made:
        folder.mkdir(mode=0o755)
    try:
        yield
    finally:
        if made:
            folder.rmdir()


PEERS: Final[dict[str, Callable[[Programs], Proxy]]] = {
    "pproxy": pproxy,
    "microsocks": microsocks,
    "ssh -D": ssh,
}
