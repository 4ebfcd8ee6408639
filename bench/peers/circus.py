"""circusd: one watcher a program, which is its layout for programs that have names; ipc endpoints."""

import json
from collections.abc import Sequence
from pathlib import Path

from bench.peers.peer import LOG_SEGMENT_BYTES, LOG_SEGMENTS, Peer, Program, missing_file

_HEAD = """
[circus]
check_delay=1
endpoint=ipc://{folder}/e
pubsub_endpoint=ipc://{folder}/p
logoutput={folder}/c.log
"""
_LOG = """
stdout_stream.class=FileStream
stdout_stream.filename={logs}/{name}.log
stdout_stream.max_bytes={size}
stdout_stream.backup_count={count}
"""


class Circus(Peer):
    """circusd."""

    name = "circus"
    note = "one watcher an app, ipc endpoints, check_delay=1"

    @classmethod
    def missing(cls, tools: Path | None) -> str:
        """Why it cannot be measured here."""
        return missing_file(tools, "circus/bin/circusd")

    def configure(self, programs: Sequence[Program], *, log: bool) -> None:
        """One section a program."""
        self.programs = programs
        logs = self.folder / "logs"
        logs.mkdir()
        parts = [_HEAD.format(folder=self.folder)]
        for name, (program, *arguments) in programs:
            parts.append(f"[watcher:{name}]\ncmd={program}\nargs={' '.join(arguments)}\nmax_retry=-1\n")
            if log:
                parts.append(_LOG.format(logs=logs, name=name, size=LOG_SEGMENT_BYTES, count=LOG_SEGMENTS))
        (self.folder / "c.ini").write_text("".join(parts))

    def daemon_argv(self) -> list[str]:
        """In the foreground."""
        return [self._program("circusd"), f"{self.folder}/c.ini"]

    def driver_argv(self) -> list[str]:
        """By its own client."""
        return self.driver("circus", json.dumps({"endpoint": self._endpoint}), self._program("python"))

    def oneshot_all(self) -> list[str]:
        """circusctl status."""
        return [self._program("circusctl"), "--endpoint", self._endpoint, "--timeout", "60", "status"]

    def oneshot_one(self) -> list[str]:
        """circusctl status NAME."""
        return [*self.oneshot_all(), self.programs[0].name]

    def logs(self) -> list[Path]:
        """The current file and its backups."""
        return list((self.folder / "logs").glob("*.log*"))

    @property
    def _endpoint(self) -> str:
        return f"ipc://{self.folder}/e"

    def _program(self, name: str) -> str:
        return f"{self.tools}/circus/bin/{name}"
