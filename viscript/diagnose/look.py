"""A search of the host for whoever is in the way of an app."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from viscript.config.textfile import read_plain
from viscript.diagnose.belonging import Belonging
from viscript.diagnose.bound import Bound
from viscript.diagnose.conflict import Conflict, FileConflict, Holder, choose, enough, port_conflict
from viscript.diagnose.evidence import address_in_use, lock_taken, paths_in
from viscript.diagnose.holders import Holders
from viscript.diagnose.locks import pid_in
from viscript.diagnose.wanted import wanted
from viscript.states import UP, State
from viscript.supervisor.api import Instance


class Look:
    """One look at the host on behalf of one instance; `lines` are what it wrote last."""

    def __init__(
        self,
        instance: Instance,
        lines: Sequence[str],
        environ: Mapping[str, str],
        holders: Holders,
        belonging: Belonging,
    ) -> None:
        self._instance = instance
        self._lines = lines
        self._environ = environ
        self._holders = holders
        self._belonging = belonging

    def conflict(self) -> Conflict | None:
        """A taken port, else a taken file."""
        return self._port() or self._file()

    def _port(self) -> Conflict | None:
        instance = self._instance
        candidates = enough(
            wanted(instance.spec, instance.argv, instance.args, self._surroundings(), self._lines),
            complained=bool(address_in_use(self._lines)),
            silent=not self._lines and instance.last_exit is not None and instance.last_exit.signal is None,
        )
        if not candidates:
            return None
        own = instance.seq if instance.state in UP or instance.state is State.STARTING else None
        return port_conflict(candidates, self._holders.bound(), own=own, holders=self._of_socket)

    def _file(self) -> Conflict | None:
        """A lock or a unix socket that the app complains of."""
        complaints = [*lock_taken(self._lines), *address_in_use(self._lines)]
        if not complaints:
            return None
        for path in self._paths(complaints):
            holder = choose([one for one in self._of_path(path) if one.id != self._instance.seq])
            if holder is not None:
                return FileConflict(path=path, pid=holder.pid, process=holder.process, id=holder.id)
        return None

    def _paths(self, complaints: Iterable[str]) -> list[str]:
        """Files the complaints name, then those of the command line, then those of the other lines."""
        folder = Path(self._instance.entry.folder, self._instance.spec.cwd or ".")
        texts = [*reversed(list(complaints)), *self._instance.argv[1:], *reversed(self._lines)]
        named = [path for text in texts for path in paths_in(text)]
        given = [str(folder / word.rpartition("=")[2]) for word in self._instance.argv[1:]]
        real = (os.path.realpath(path) for path in (*named, *given))
        return [path for path in dict.fromkeys(real) if not Path(path).is_dir() and Path(path).exists()]

    def _of_socket(self, bound: Bound) -> list[Holder]:
        return [self._holder(pid) for pid in self._holders.of_socket(bound)]

    def _of_path(self, path: str) -> list[Holder]:
        pids = list(self._holders.of_path(path))
        noted = _pid_noted_in(path) if not pids else None
        if noted is not None and self._holders.name(noted):
            pids.append(noted)
        return [self._holder(pid) for pid in pids]

    def _holder(self, pid: int) -> Holder:
        return Holder(pid=pid, process=self._holders.name(pid), id=self._belonging.seq_of(pid))

    def _surroundings(self) -> dict[str, str]:
        spec = self._instance.spec
        base = dict(self._environ) if spec.inherit_env else {}
        return base | {name: value for name, value in spec.env.items() if isinstance(value, str)}


def _pid_noted_in(path: str) -> int | None:
    try:
        return pid_in(read_plain(path, 32))
    except (OSError, ValueError):
        return None
