"""supervisord: unix socket XML-RPC, its own capture of output (AUTO), startsecs 1."""

import json
from collections.abc import Sequence
from pathlib import Path

from bench.peers.peer import LOG_SEGMENT_BYTES, LOG_SEGMENTS, Peer, Program, missing_file

_HEAD = """
[unix_http_server]
file={folder}/s.sock
[supervisord]
nodaemon=true
logfile={folder}/d.log
pidfile={folder}/d.pid
childlogdir={folder}/logs
minfds=4096
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/s.sock
"""
_LOG = "stdout_logfile={logs}/{name}.log\nstdout_logfile_maxbytes={size}\nstdout_logfile_backups={count}\n"


class Supervisor(Peer):
    """supervisord."""

    name = "supervisor"
    note = "unix socket XML-RPC, default log capture, startsecs=1"

    @classmethod
    def missing(cls, tools: Path | None) -> str:
        """Why it cannot be measured here."""
        return missing_file(tools, "supervisor/bin/supervisord")

    def configure(self, programs: Sequence[Program], *, log: bool) -> None:
        """One section a program."""
        self.programs = programs
        logs = self.folder / "logs"
        logs.mkdir()
        parts = [_HEAD.format(folder=self.folder)]
        for name, argv in programs:
            parts.append(f"[program:{name}]\ncommand={' '.join(argv)}\nautorestart=true\n")
            if log:
                parts.append(_LOG.format(logs=logs, name=name, size=LOG_SEGMENT_BYTES, count=LOG_SEGMENTS))
        (self.folder / "c.conf").write_text("".join(parts))

    def daemon_argv(self) -> list[str]:
        """In the foreground."""
        return [self._program("supervisord"), "-c", f"{self.folder}/c.conf"]

    def driver_argv(self) -> list[str]:
        """By its own transport."""
        return self.driver(
            "supervisor", json.dumps({"socket": f"{self.folder}/s.sock"}), self._program("python")
        )

    def oneshot_all(self) -> list[str]:
        """supervisorctl status."""
        return [self._program("supervisorctl"), "-c", f"{self.folder}/c.conf", "status"]

    def oneshot_one(self) -> list[str]:
        """supervisorctl status NAME."""
        return [*self.oneshot_all(), self.programs[0].name]

    def logs(self) -> list[Path]:
        """The current file and its backups."""
        return list((self.folder / "logs").glob("*.log*"))

    def _program(self, name: str) -> str:
        return f"{self.tools}/supervisor/bin/{name}"
