"""s6: s6-svscan and one s6-supervise a service; s6-log where output is asked for."""

from pathlib import Path

from bench.peers.peer import LOG_SEGMENT_BYTES, LOG_SEGMENTS, run_quietly
from bench.peers.runit import Runit, write_script


class S6(Runit):
    """s6-svscan."""

    name = "s6"
    note = "one s6-supervise a service, ready at once: it skips its pause of 1 s only for services that tell"
    program = "s6-svscan"
    logger = f"s6-log n{LOG_SEGMENTS} s{LOG_SEGMENT_BYTES}"

    def add_service(self, service: Path, command: str) -> None:
        """A service that says it is ready on descriptor 3."""
        service.mkdir()
        write_script(service / "run", f"echo >&3\nexec 3>&-\nexec {command}")
        (service / "notification-fd").write_text("3\n")

    def daemon_argv(self) -> list[str]:
        """In the foreground, with room for all services."""
        return ["s6-svscan", "-c", "3000", str(self.services)]

    def oneshot_all(self) -> list[str]:
        """`s6-svstat` knows one service at a time."""
        return ["sh", "-c", f"for service in {self.services}/*; do s6-svstat $service; done"]

    def oneshot_one(self) -> list[str]:
        """`s6-svstat FOLDER`."""
        return ["s6-svstat", str(self.services / self.programs[0].name)]

    def end(self) -> None:
        """By its own command."""
        run_quietly(["s6-svscanctl", "-t", str(self.services)], environ=self.environ(), cwd=self.folder)
