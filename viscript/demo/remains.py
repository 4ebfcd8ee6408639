"""What a demo had, and what of it is there afterwards: counted, not believed."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from viscript.demo.scene import Scene
from viscript.verbs.results import DemoLeft


@dataclass(frozen=True)
class Had:
    """What ran and listened while the demo was up."""

    processes: tuple[psutil.Process, ...]
    ports: frozenset[int]


def had(scene: Scene) -> Had:
    """All processes of a home, and the ports they listen at."""
    processes = tuple(scene.processes())
    return Had(processes, frozenset(port for process in processes for port in _listening(process)))


def left(scene: Scene, before: Had) -> DemoLeft:
    """What of it is still there, and what came since."""
    alive = {process.pid for process in before.processes if _lives(process)}
    alive |= {process.pid for process in scene.processes()}
    ports = before.ports & _all_listening()
    folders = (scene.root, Path(scene.home.run), Path(scene.home.apps))
    files = {path for folder in folders if folder.exists() for path in (folder, *folder.rglob("*"))}
    return DemoLeft(processes=len(alive), ports=len(ports), files=len(files))


def _lives(process: psutil.Process) -> bool:
    """One that is dead and not yet buried by the system's first process is gone; one of ours is not."""
    try:
        buried_by_others = process.status() == psutil.STATUS_ZOMBIE and process.ppid() != os.getpid()
        return process.is_running() and not buried_by_others
    except psutil.NoSuchProcess:
        return False


def _listening(process: psutil.Process) -> set[int]:
    try:
        return _ports(process.net_connections("inet"))
    except psutil.Error:
        return set()


def _all_listening() -> set[int]:
    """Ports that anybody listens at on this machine."""
    return _ports(psutil.net_connections("tcp"))


def _ports(connections: Iterable[Any]) -> set[int]:  # Any: two named tuples of psutil, of the same fields
    return {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
