"""Ours: one app a program, restarted always; the daemon in the foreground in a home of its own."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.drivers.viscript import ask, facts
from bench.peers.peer import LOG_SEGMENT_BYTES, LOG_SEGMENTS, Peer, Program
from viscript.home import Home, find_home


class Viscript(Peer):
    """The daemon and its keeper."""

    name = "viscript"
    note = "daemon and keeper, output captured in rotated segments"

    @classmethod
    def missing(cls, tools: Path | None) -> str:
        """It is always here."""
        return ""

    @property
    def home(self) -> Home:
        """Where it lives."""
        return find_home(self.extra_environ())

    def extra_environ(self) -> Mapping[str, str]:
        """A home of its own."""
        return {"VISCRIPT_HOME": f"{self.folder}/h"}

    def configure(self, programs: Sequence[Program], *, log: bool) -> None:
        """JSON is YAML too."""
        self.programs = programs
        output = {"max_bytes": LOG_SEGMENT_BYTES, "backups": LOG_SEGMENTS} if log else {}
        apps = {
            name: {
                "command": list(argv),
                "daemon": True,
                "autostart": True,
                "restart": {"policy": "always"},
                "output": output,
            }
            for name, argv in programs
        }
        (self.folder / "config.yaml").write_text(json.dumps({"apps": apps}))

    def daemon_argv(self) -> list[str]:
        """In the foreground."""
        return [*self._viscript(), "daemon", "--config", f"{self.folder}/config.yaml"]

    def roots(self) -> list[int]:
        """The daemon, and the keeper, which is not its child."""
        try:
            told = facts(self.home)
        except OSError:
            return super().roots()
        return [told["pid"], told["keeper_pid"]]

    def driver_argv(self) -> list[str]:
        """Bus and door."""
        return self.driver("viscript", json.dumps({"home": self.home.root}))

    def oneshot_all(self) -> list[str]:
        """`viscript la`."""
        return [*self._viscript(), "la"]

    def oneshot_one(self) -> list[str]:
        """`viscript status 1`."""
        return [*self._viscript(), "status", "1"]

    def logs(self) -> list[Path]:
        """The segments."""
        return list(Path(self.home.logs).glob("*/[0-9]*.log"))

    def end(self) -> None:
        """By its own verb; the keeper leaves when nothing is left to keep."""
        try:
            ask(self.home, "daemon", "stop", "--stop-all")
        except OSError:
            super().end()

    def _viscript(self) -> list[str]:
        """The installed command where there is one."""
        command = Path(sys.executable).with_name("viscript")
        return [str(command)] if command.exists() else [sys.executable, "-P", "-m", "viscript"]
