"""The terminal: output of a command, and the round trip of a key press, beside ssh to an sshd over loopback.

All go from one host to itself: by two visors and our client, by two visors and ordinary ssh, by ssh alone.
"""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.apps.part import Part, Size
from bench.apps.programs import Programs
from bench.apps.proxies import UNASKED, sshd
from bench.apps.town import ROW, Town
from bench.maths import percentile
from bench.mesh.faults.program import Trouble
from bench.metrics import Metric
from bench.results import OURS, Sample
from bench.runner import say

ORDINARY: Final = "ssh by the mesh"
SSH: Final = "ssh to sshd"
OUTPUT: Final = 64 << 20
DEADLINE_S: Final = 60.0
_PIECE: Final = 1 << 18

METRICS: Final = (
    Metric("terminal_mb_per_s", "terminal, 64 MiB of output", "MB/s", "more"),
    Metric("terminal_start_ms", "terminal, to the first byte of a command", "ms"),
    Metric("terminal_key_p50_ms", "terminal, a key press and its echo, p50", "ms"),
    Metric("terminal_key_p95_ms", "terminal, a key press and its echo, p95", "ms"),
)


class Way(NamedTuple):
    """A command line to a shell, its last word the host; `tty` is the option that asks for a terminal."""

    name: str
    argv: tuple[str, ...]
    tty: str

    def run(self, command: str) -> list[str]:
        """With pipes."""
        return [*self.argv, command]

    def at_terminal(self, command: str) -> list[str]:
        """With a terminal."""
        return [*self.argv[:-1], self.tty, self.argv[-1], command]


@contextmanager
def ways() -> Iterator[list[Way]]:
    """Each of them, up. Raises `Trouble`."""
    with tempfile.TemporaryDirectory(prefix="bt") as folder, Programs(Path(folder)) as programs:
        town = Town(programs)
        near, far = ROW[0], ROW[1]
        words = ("there", town.socket(far), "--allow", town.keys[near])
        programs.module("terminal", "plugins.terminal.server", *words)
        module = (sys.executable, "-P", "-m")
        proxy = (*module, "plugins.mesh.nc", "--visor", town.socket(near), town.keys[far], "%p")
        made = [
            Way(
                OURS, (*module, "plugins.terminal.client", "--visor", town.socket(near), town.keys[far]), "-t"
            ),
            Way(ORDINARY, ("ssh", *UNASKED, "-o", f"ProxyCommand={shlex.join(proxy)}", "far"), "-tt"),
        ]
        try:
            made.append(Way(SSH, ("ssh", *sshd(programs).words), "-tt"))
        except Trouble as exc:
            say(f"  {SSH}: {exc}")
        yield made


def output(size: Size) -> Iterator[Sample]:
    """Each in turn: from the first byte to the end, and up to the first byte."""
    with ways() as made:
        for _ in range(size.tries):
            for way in made:
                first, rest = seconds(way.run(f"head -c {OUTPUT} /dev/zero"), OUTPUT)
                yield Sample("terminal_start_ms", 0, way.name, 1000 * first)
                yield Sample("terminal_mb_per_s", 0, way.name, OUTPUT / 1e6 / rest)


def keys(size: Size) -> Iterator[Sample]:
    """Each press waits for its echo; the ways take turns."""
    with ways() as made:
        times: dict[str, list[float]] = {way.name: [] for way in made}
        with Keyboards(made) as boards:
            for _ in range(size.gets):
                for way in made:
                    times[way.name].append(1000 * boards.press(way.name))
        for name, taken in times.items():
            yield Sample("terminal_key_p50_ms", 0, name, percentile(taken, 50))
            yield Sample("terminal_key_p95_ms", 0, name, percentile(taken, 95))


def seconds(argv: list[str], count: int) -> tuple[float, float]:
    """From the start of a program to its first byte, and on to its end after so many. Raises `Trouble`."""
    began = first = time.perf_counter()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        came = 0
        while piece := os.read(process.stdout.fileno(), _PIECE):
            first = first if came else time.perf_counter()
            came += len(piece)
    if process.returncode or came != count:
        raise Trouble(f"{argv[0]}: exit {process.returncode} after {came} of {count} bytes")
    return first - began, time.perf_counter() - first


class Keyboards:
    """A local terminal for each way, with `cat` at the far end, whose terminal echoes."""

    def __init__(self, made: list[Way]) -> None:
        self._made = made
        self._open: dict[str, tuple[int, subprocess.Popen[bytes]]] = {}

    def __enter__(self) -> Keyboards:
        for way in self._made:
            master, slave = pty.openpty()
            argv = way.at_terminal("echo up; exec cat > /dev/null")
            process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
            os.close(slave)
            self._open[way.name] = master, process
        try:
            for way in self._made:
                self._see(way.name, b"up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for master, process in self._open.values():
            os.close(master)
            process.kill()
            process.wait()

    def press(self, name: str) -> float:
        """Seconds from a key to its echo. Raises `Trouble`."""
        began = time.perf_counter()
        os.write(self._open[name][0], b"x")
        self._see(name, b"x")
        return time.perf_counter() - began

    def _see(self, name: str, wanted: bytes) -> None:
        master, _ = self._open[name]
        seen = b""
        while wanted not in seen:
            if not select.select([master], [], [], DEADLINE_S)[0]:
                raise Trouble(f"{name}: no {wanted!r} within {DEADLINE_S:g} s")
            try:
                seen += os.read(master, 4096)
            except OSError as exc:
                raise Trouble(f"{name}: it ended after {seen!r}") from exc


PART: Final = Part({"terminal-output": output, "terminal-keys": keys}, METRICS)
