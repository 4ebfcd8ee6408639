"""runit: runsvdir and one runsv a service; svlogd where output is asked for."""

import json
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bench.peers.peer import LOG_SEGMENT_BYTES, LOG_SEGMENTS, Peer, Program, missing_file

DEBIAN = "debian/usr"


def environ_of_debian(tools: Path | None, path: str) -> dict[str, str]:
    """Where programs and libraries are found that were unpacked rather than installed."""
    folder = f"{tools}/{DEBIAN}"
    libraries = ":".join(str(one) for one in Path(folder, "lib").glob("*-linux-*"))
    return {"PATH": f"{folder}/bin:{path}", "LD_LIBRARY_PATH": libraries}


class Runit(Peer):
    """runsvdir."""

    name = "runit"
    note = "one runsv a service, no log service but in the log row (svlogd)"
    program: ClassVar[str] = "runsvdir"
    logger: ClassVar[str] = "svlogd -b 65536"

    @classmethod
    def missing(cls, tools: Path | None) -> str:
        """Why it cannot be measured here."""
        return "" if shutil.which(cls.program) else missing_file(tools, f"{DEBIAN}/bin/{cls.program}")

    def extra_environ(self) -> Mapping[str, str]:
        """The unpacked programs, unless they are installed."""
        path = "/usr/sbin:/usr/bin:/sbin:/bin"
        return {} if shutil.which(self.program) else environ_of_debian(self.tools, path)

    def configure(self, programs: Sequence[Program], *, log: bool) -> None:
        """A folder a service."""
        self.programs = programs
        self.services.mkdir()
        for name, argv in programs:
            self.add_service(self.services / name, " ".join(argv))
            if log:
                self.add_logger(self.services / name / "log", self.folder / "logs" / name)

    @property
    def services(self) -> Path:
        """The scanned folder."""
        return self.folder / "sv"

    def add_service(self, service: Path, command: str) -> None:
        """One service: a folder with a run script."""
        service.mkdir()
        write_script(service / "run", f"exec {command}")

    def add_logger(self, service: Path, logs: Path) -> None:
        """The service that keeps another one's output."""
        logs.mkdir(parents=True)
        (logs / "config").write_text(f"s{LOG_SEGMENT_BYTES}\nn{LOG_SEGMENTS}\n")
        self.add_service(service, f"{self.logger} {logs}")

    def daemon_argv(self) -> list[str]:
        """In the foreground."""
        return ["runsvdir", str(self.services)]

    def driver_argv(self) -> list[str]:
        """By the files of the services."""
        return self.driver("scan", json.dumps({"kind": self.name, "folders": self._folders()}))

    def oneshot_all(self) -> list[str]:
        """`sv status FOLDER...`."""
        return ["sv", "status", *self._folders()]

    def oneshot_one(self) -> list[str]:
        """`sv status FOLDER`."""
        return ["sv", "status", self._folders()[0]]

    def logs(self) -> list[Path]:
        """The current file and the closed ones."""
        return [
            path
            for path in (self.folder / "logs").glob("*/*")
            if path.name[0] in "c@" and path.name != "config"
        ]

    def end(self) -> None:
        """runsvdir ends its services on SIGHUP."""
        if self._daemon:
            self._daemon.send_signal(signal.SIGHUP)

    def _folders(self) -> list[str]:
        return [str(self.services / program.name) for program in self.programs]


def write_script(path: Path, line: str) -> None:
    """A shell script of one line."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
