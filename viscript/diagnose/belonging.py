"""Which app a process belongs to: by the keeper's tag, else by its ancestors and its session."""

import os
from collections.abc import Mapping
from pathlib import Path

from viscript.keeper.host import home_number
from viscript.keeper.linux import limit_in, seq_of
from viscript.usage.probe import Probe, default_probe


class Belonging:
    """Asks the host about single processes. `leaders` maps pid to seq."""

    def __init__(self, home: str, leaders: Mapping[int, int]) -> None:
        self._number = home_number(home)
        self._leaders = leaders
        self._probe: Probe = default_probe()

    def seq_of(self, pid: int) -> int | None:
        """The app's seq; None for a stranger."""
        tag = self._tag_of(pid)
        return tag if tag is not None else self._by_ancestors(pid)

    def strays(self, seq: int) -> tuple[int, ...]:
        """The living processes that carry the app's mark, lowest pid first."""
        marked = [pid for pid in sorted(self._probe.pids()) if self._tag_of(pid) == seq]
        looks = ((pid, self._probe.look(pid)) for pid in marked)
        return tuple(pid for pid, process in looks if process is not None and process.rss_bytes)  # no zombie

    def _tag_of(self, pid: int) -> int | None:
        """The keeper marks what it starts, and descendants inherit it, whatever else they leave behind."""
        if os.environ.get("VISCRIPT_PORTABLE") == "1":
            return None
        try:
            limit = limit_in(Path(f"/proc/{pid}/limits").read_bytes())
        except OSError:
            return None
        return seq_of(limit, self._number) if limit is not None else None

    def _by_ancestors(self, pid: int) -> int | None:
        seen: set[int] = set()
        while pid > 1 and pid not in seen:
            if pid in self._leaders:
                return self._leaders[pid]
            seen.add(pid)
            process = self._probe.look(pid)
            if process is None:
                return None
            if process.session in self._leaders:
                return self._leaders[process.session]
            pid = process.ppid
        return None
