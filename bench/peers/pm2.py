"""pm2 in fork mode, without an interpreter; started by `pm2 start ecosystem.json`."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.peers.peer import REPOSITORY, Peer, Program, missing_file, run_quietly


class Pm2(Peer):
    """pm2."""

    name = "pm2"
    note = "fork mode, interpreter none; its logs have no rotation of their own"

    @classmethod
    def missing(cls, tools: Path | None) -> str:
        """Why it cannot be measured here."""
        if not shutil.which("node"):
            return "node is not on PATH"
        return missing_file(tools, "pm2/node_modules/pm2/bin/pm2")

    def extra_environ(self) -> Mapping[str, str]:
        """A home of its own."""
        return {"PM2_HOME": f"{self.folder}/pm2", "NODE_PATH": f"{self.tools}/pm2/node_modules"}

    def configure(self, programs: Sequence[Program], *, log: bool) -> None:
        """An ecosystem file."""
        self.programs = programs
        (self.folder / "logs").mkdir()
        apps = [self._app(program, log=log) for program in programs]
        (self.folder / "e.json").write_text(json.dumps({"apps": apps}))

    def daemon_argv(self) -> list[str]:
        """The command that starts the daemon and leaves it behind; without apps, only a ping does."""
        return self._pm2("start", f"{self.folder}/e.json", "-s") if self.programs else self._pm2("ping")

    def roots(self) -> list[int]:
        """The daemon that was left behind."""
        try:
            return [int((self.folder / "pm2/pm2.pid").read_text())]
        except (OSError, ValueError):
            return super().roots()

    def driver_argv(self) -> list[str]:
        """By its own client."""
        return ["node", f"{REPOSITORY}/bench/drivers/pm2.js"]

    def oneshot_all(self) -> list[str]:
        """`pm2 list`."""
        return self._pm2("list")

    def oneshot_one(self) -> list[str]:
        """`pm2 describe NAME`."""
        return self._pm2("describe", self.programs[0].name)

    def logs(self) -> list[Path]:
        """One file an app."""
        return list((self.folder / "logs").glob("*.log*"))

    def end(self) -> None:
        """Through its own command."""
        run_quietly(self._pm2("kill"), environ=self.environ(), cwd=self.folder)

    def _app(self, program: Program, *, log: bool) -> dict[str, Any]:
        app: dict[str, Any] = {
            "name": program.name,
            "script": program.argv[0],
            "args": program.argv[1:],
            "interpreter": "none",
            "exec_mode": "fork",
            "vizion": False,
            "pmx": False,
        }
        return app | ({"out_file": f"{self.folder}/logs/{program.name}.log"} if log else {})

    def _pm2(self, *words: str) -> list[str]:
        return ["node", f"{self.tools}/pm2/node_modules/pm2/bin/pm2", *words]
