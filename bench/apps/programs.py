"""Processes of one row: ours, spoken to by lines, and servers of others. All end with the block."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Final, Self

from bench.machine import cpu_seconds, family
from bench.mesh.faults.program import READY_S, Program, Trouble

# The packages of programs that are named otherwise.
DEBIAN: Final = {
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "tincd": "tinc",
}


class Programs:
    """Starts them in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[str] | subprocess.Popen[bytes]] = []
        self._around = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._started):
            process.kill()
        for process in self._started:
            with process:
                process.wait()
        self._around.close()

    def inside(self, block: AbstractContextManager[object]) -> None:
        """Enter a block that is left once all programs ended."""
        self._around.enter_context(block)

    def module(self, name: str, module: str, *words: str) -> Program:
        """A module of ours, once it has printed its first line. Raises `Trouble`."""
        program = Program(name, module, list(words), self.folder / f"{name}.log")
        self._started.append(program.process)
        program.line()
        return program

    def server(self, *argv: str, port: int) -> int:
        """A program of others, once it listens at a port; its pid. Raises `Trouble`."""
        name = Path(argv[0]).name if argv[0] != sys.executable else argv[3]
        installed(argv[0])
        log = self.folder / f"{name}-{port}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self._started.append(process)
        end = time.monotonic() + READY_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise Trouble(f"{name} does not listen: {log.read_text(errors='replace')[-300:]}")
            time.sleep(0.02)
        return process.pid

    def background(self, *argv: str) -> int:
        """A program of others that nobody waits for; its pid. Raises `Trouble`."""
        installed(argv[0])
        with (self.folder / f"{argv[0]}.log").open("ab") as out:
            self._started.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out))
        return self._started[-1].pid


def installed(program: str) -> None:
    """Raises `Trouble`, which says how to get it, when a program is not there."""
    if shutil.which(program) is None:
        name = Path(program).name
        package = DEBIAN.get(name, name)
        raise Trouble(f"{name} is not installed (Debian, as root: apt-get install {package})")


def cpu_s(*pids: int) -> float:
    """CPU time of these processes and what they started."""
    return cpu_seconds(family(pids))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def owned(path: Path) -> Path:
    """A folder for this process's owner alone."""
    path.mkdir(mode=0o700, exist_ok=True)
    os.chmod(path, 0o700)
    return path
