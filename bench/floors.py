"""The cheapest way the kernel and Python allow, measured in the same run."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.children import WAIT_S, collecting, end, spawn
from bench.collector import Collector
from bench.maths import median, percentile
from bench.sampling import milliseconds
from bench.scale import Scale
from bench.steps.base import Figures
from bench.steps.log import words, writing_s

_STARTS: Final = 7
_KILLS: Final = 90
_BLOCK: Final = 1 << 20


def spawning(program: Path, count: int, scale: Scale) -> Figures:
    """posix_spawn of all, until the last main()."""
    with collecting() as collector:
        began = time.monotonic_ns()
        pids = [spawn(program, collector) for _ in range(count)]
        collector.wait(lambda: len(collector.starts) >= count, WAIT_S)
        end(pids)
        return {"spawn_s": (max(told.at for told in collector.starts) - began) / 1e9}


def respawning(program: Path, count: int, scale: Scale) -> Figures:
    """A process that waits on one pidfd and spawns the successor at once."""
    with collecting() as collector:
        taken = [_succeed(program, collector) for _ in range(_KILLS)]
    return {"respawn_p50_ms": percentile(taken, 50), "respawn_p95_ms": percentile(taken, 95)}


def _succeed(program: Path, collector: Collector) -> float:
    """Milliseconds from one kill to the successor's main()."""
    pid = _started(program, collector)
    fd = os.pidfd_open(pid)
    ending = select.poll()
    ending.register(fd, select.POLLIN)
    before, began = len(collector.starts), time.monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    ending.poll(5000)
    os.waitpid(pid, 0)
    successor = _started(program, collector)
    os.close(fd)
    end([successor])
    return (collector.starts[before].at - began) / 1e6


def _started(program: Path, collector: Collector) -> int:
    before = len(collector.starts)
    pid = spawn(program, collector)
    collector.wait(lambda: len(collector.starts) > before, WAIT_S)
    return pid


def oneshot(program: Path, count: int, scale: Scale) -> Figures:
    """An interpreter that loads a socket and JSON, and nothing else."""
    argv = [sys.executable, "-I", "-S", "-c", "import _socket, json"]
    taken = median([milliseconds(lambda: subprocess.run(argv, check=True)) for _ in range(_STARTS)])
    return {"oneshot_all_ms": taken, "oneshot_one_ms": taken}


def logging(program: Path, count: int, scale: Scale) -> Figures:
    """A pipe spliced into one file, without rotation."""
    with collecting() as collector, tempfile.TemporaryFile() as target:
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _BLOCK)
        argv = [str(program), collector.path, "x", *words(scale)]
        with subprocess.Popen(argv, stdout=writing) as child:
            os.close(writing)
            while not collector.ends:
                if select.select([reading], [], [], 0.05)[0]:
                    os.splice(reading, target.fileno(), _BLOCK)
            child.kill()
        os.close(reading)
        last, first = collector.ends[0], collector.starts[0]
    return {"log_mb_per_s": last.size / 1e6 / writing_s(first, last)}


FLOORS: Final[dict[str, Callable[[Path, int, Scale], Figures]]] = {
    "spawn": spawning,
    "respawn": respawning,
    "oneshot": oneshot,
    "log": logging,
}
