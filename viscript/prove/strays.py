"""Which processes belong to a scratch home: those with its path in their command line or environment."""

import time
from typing import Final

import psutil

_LOOK_S: Final = 0.005


def processes_of(root: str) -> list[psutil.Process]:
    """Every process that lives and names `root`; zombies have neither line nor environment left."""
    own = psutil.Process().pid
    return [process for process in psutil.process_iter() if process.pid != own and _names(process, root)]


def is_module(process: psutil.Process, module: str) -> bool:
    """Whether a process is `python -m MODULE`."""
    try:
        return module in process.cmdline()
    except psutil.Error:
        return False


def end(processes: list[psutil.Process], within_s: float = 10.0) -> None:
    """SIGKILL, and wait until they are dead; when their parent buries them is its own affair."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    end = time.monotonic() + within_s
    while any(_lives(process) for process in processes) and time.monotonic() < end:
        time.sleep(_LOOK_S)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def described(processes: list[psutil.Process]) -> str:
    """Pid and program of each, for one line."""
    return ", ".join(_described(process) for process in processes)


def _described(process: psutil.Process) -> str:
    try:
        return f"pid {process.pid} ({process.name()})"
    except psutil.Error:
        return f"pid {process.pid} (gone)"


def _names(process: psutil.Process, root: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if any(root in word for word in process.cmdline()):
            return True
        return any(root in value for value in process.environ().values())
    except psutil.Error:
        return False
