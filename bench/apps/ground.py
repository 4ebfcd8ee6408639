"""Two hosts with one cable between them: network namespaces of the bench's own. Needs root."""

from __future__ import annotations

import ctypes
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from bench.mesh.faults.program import Trouble

NEAR: Final = "10.1.0.1"
FAR: Final = "10.1.0.2"


class Ground:
    """`near` and `far`; all is gone with the block."""

    def __init__(self) -> None:
        prefix = f"b{secrets.token_hex(2)}"
        self.near, self.far = f"{prefix}near", f"{prefix}far"

    def __enter__(self) -> Self:
        """Raises `Trouble`."""
        for host in (self.near, self.far):
            call("ip", "netns", "add", host)
            call("ip", "-n", host, "link", "set", "lo", "up")
        veth = ("type", "veth", "peer", "name", "cable", "netns", self.far)
        call("ip", "link", "add", "cable", "netns", self.near, *veth)
        for host, address in ((self.near, NEAR), (self.far, FAR)):
            call("ip", "-n", host, "address", "add", f"{address}/24", "dev", "cable")
            call("ip", "-n", host, "link", "set", "cable", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for host in (self.near, self.far):
            call("ip", "netns", "delete", host)

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """What is started meanwhile runs there."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{host}", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(own)
            os.close(there)
            os.close(own)

    def run(self, host: str, *argv: str) -> str:
        """What a program prints there. Raises `Trouble`."""
        return call("ip", "netns", "exec", host, *argv)


def call(*argv: str) -> str:
    """What a program prints. Raises `Trouble`."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Trouble(str(exc)) from exc
    if done.returncode:
        raise Trouble(f"{' '.join(argv[:6])}: {(done.stderr or done.stdout).strip()[:300]}")
    return done.stdout


def _enter(descriptor: int) -> None:
    """Raises `OSError`."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0):
        raise OSError(ctypes.get_errno(), "setns: is this root?")
