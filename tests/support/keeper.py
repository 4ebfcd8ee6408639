"""A keeper of a test's own: started as a real process in a scratch folder, ended with all its apps."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, Self

from tests.support.groups import remove_groups
from tests.support.processes import end, processes_of
from tests.support.wait import eventually
from viscript.keeper.client import KeeperClient, KeeperGoneError
from viscript.keeper.places import Places
from viscript.keeper.protocol import Json, KeeperError

ROOT: Final = Path(__file__).parents[2]

LAST_EPOCH: Final = 1 << 30

# Runs a keeper that ends itself with SIGKILL when it comes to a named point for the first time.
CRASHER: Final = """
import os, sys
from pathlib import Path
from viscript.keeper.keeper import Keeper
from viscript.keeper.places import Places
once = Path(sys.argv[4])
def crash_at(point):
    if point == sys.argv[5] and not once.exists():
        once.touch()
        os.kill(os.getpid(), 9)
Keeper(Places(*sys.argv[1:4]), os.environ, crash_at=crash_at).run()
"""


class TestKeeper:
    """Starts, kills and asks the keeper of one scratch folder."""

    __test__ = False

    def __init__(self, folder: Path, *, portable: bool = False, crash_at: str = "") -> None:
        self.folder = folder
        self.places = Places(str(folder), str(folder / "run"), str(folder / "keeper"))
        self.log = folder / "keeper.log"
        self.crash_at = crash_at
        self._environ = {**os.environ, "PYTHONPATH": str(ROOT), "VISCRIPT_HOME": str(folder)}
        if portable:
            self._environ["VISCRIPT_PORTABLE"] = "1"
        for path in (self.places.run, self.places.state):
            Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._client: KeeperClient | None = None
        self._epoch = 0

    @property
    def client(self) -> KeeperClient:
        """The newest daemon's connection."""
        assert self._client is not None
        return self._client

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, cursor: int | None = None) -> KeeperClient:
        """Start one and be its daemon."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.connect(cursor)

    def attend(self, process: subprocess.Popen[bytes]) -> KeeperClient:
        """Be the daemon of one that the test started itself."""
        self._process = process
        return self.connect()

    def connect(self, cursor: int | None = None, epoch: int | None = None) -> KeeperClient:
        """Be the next daemon of the one that runs."""
        self.hang_up()
        self._epoch = self._epoch + 1 if epoch is None else epoch
        eventually(lambda: self._say_hello(cursor), interval_s=0.005)
        return self.client

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.hang_up()

    def wait_for_death(self) -> None:
        assert self._process is not None
        self._process.wait(timeout=20)
        self.hang_up()

    def record(self, seq: int) -> Json:
        """What a new daemon would be told of one app."""
        client = KeeperClient(self.places.socket)
        self._epoch += 1
        hello = client.hello(self._epoch)
        if self._client is not None:
            self._client.close()
        self._client = client
        return next(record for record in hello["instances"] if record["seq"] == seq)

    def logged(self, seq: int, stream: str = "") -> bytes:
        """All output of one app, its segments in order."""
        found = sorted((self.folder / "logs" / str(seq)).glob(f"{'[0-9]' * 20}{stream}.log"))
        return b"".join(path.read_bytes() for path in found)

    def launch(self, seq: int, code: str, *, gen: int = 1, policy: Json | None = None, **spec: Any) -> int:
        """Launch an app written in Python; its pid."""
        answer = self.client.request(
            "launch", seq=seq, gen=gen, name=f"app{seq}", spec=self.python(seq, code, **spec), policy=policy
        )
        pid: int = answer["pid"]
        return pid

    def stop(self, seq: int, **fields: Any) -> Json:
        """Stop an app; the event that tells that nothing is left."""
        self.client.request("stop", seq=seq, **fields)
        return self.client.event("stopped", seq=seq)

    def spec(self, seq: int, *argv: str, **more: Any) -> Json:
        """A spec that logs below the scratch folder."""
        log = {"dir": str(self.folder / "logs" / str(seq)), **more.pop("log", {})}
        return {"argv": list(argv), "log": log, **more}

    def python(self, seq: int, code: str, **more: Any) -> Json:
        """A spec of an app written in the test."""
        return self.spec(seq, sys.executable, "-S", "-c", code, **more)

    def faults(self) -> str:
        """What the keeper wrote of itself."""
        return self.log.read_text() if self.log.exists() else ""

    def close(self) -> None:
        """Have the keeper end all it has, since init may be slow to reap; then make sure."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            with contextlib.suppress(KeeperError, subprocess.TimeoutExpired):
                self._end_all()
            self._process.kill()
            self._process.wait()
        self.hang_up()
        end_tree(self.folder)
        remove_groups(self.folder)

    def _end_all(self) -> None:
        assert self._process is not None
        client = self.connect(epoch=LAST_EPOCH)
        for record in self.hello["instances"]:
            client.send("kill", seq=record["seq"])
        client.send("shutdown", stop_all=True)
        self._process.wait(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
        faults = self.faults()
        assert "fault" not in faults, faults

    def _command(self) -> list[str]:
        if self.crash_at:
            once = str(self.folder / f"crashed-at-{self.crash_at}")
            return [sys.executable, "-P", "-c", CRASHER, *self.places, once, self.crash_at]
        options = ["--home-root", self.places.root, "--run", self.places.run, "--state", self.places.state]
        return [sys.executable, "-P", "-m", "viscript.keeper", *options]

    def _say_hello(self, cursor: int | None) -> bool:
        """False while it comes up. A killed one may still listen for a moment, in a child it was making."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the keeper ended: {self._process.returncode}; {self.faults()}")
        try:
            client = KeeperClient(self.places.socket)
        except KeeperGoneError:
            return False
        try:
            self.hello = client.hello(self._epoch, cursor)
        except KeeperGoneError:
            client.close()
            return False
        self._client = client
        return True


def end_tree(folder: Path) -> None:
    """End whatever still names the folder, until nothing does: ends may bring out more."""
    while strays := processes_of(folder):
        end(strays)


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def gone(pid: int, deadline_s: float = 10.0) -> None:
    """Wait until a process is no more."""
    eventually(lambda: not is_running(pid), deadline_s=deadline_s)


def silence(client: KeeperClient, kind: str, seconds: float) -> bool:
    """Whether no event of a kind comes for so long."""
    until = time.monotonic() + seconds
    try:
        client.event(kind, timeout=until - time.monotonic())
    except KeeperGoneError:
        return True
    return False
