"""Finding and ending the processes that belong to a test."""

from pathlib import Path

import psutil


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every living process whose command line or environment names `folder`."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != psutil.Process().pid and _names(process, str(folder))
    ]


def end(processes: list[psutil.Process]) -> None:
    """Kill processes and wait until the kernel has let go of them."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=10)


def described(processes: list[psutil.Process]) -> list[str]:
    """Pid and command line of each, for a failed test's message."""
    lines = []
    for process in processes:
        try:
            lines.append(f"{process.pid}: {' '.join(process.cmdline())}")
        except psutil.Error:
            lines.append(f"{process.pid}: gone")
    return lines


def _names(process: psutil.Process, text: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return any(text in word for word in process.cmdline()) or any(
            text in value for value in process.environ().values()
        )
    except psutil.Error:
        return False
