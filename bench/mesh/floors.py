"""What the kernel and the cipher take alone, in the same run."""

from __future__ import annotations

import json
import socket
import subprocess
import time

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.mesh.crew import Crew
from bench.mesh.measure import Flow, hop

_UNIT = 64 * 1024
_ROUNDS = 4000
_LISTENS_S = 5.0  # until the server does


def tcp(seconds: float) -> Flow:
    """One hop over loopback TCP."""
    return hop(Crew.tcp, seconds)


def unix(seconds: float) -> Flow:
    """One hop over a socketpair."""
    return hop(Crew.unix, seconds)


def aead() -> float:
    """CPU seconds of AES-256-GCM for a GB in units of 64 KiB, the mean of sealing and opening."""
    cipher, nonce = AESGCM(bytes(32)), bytes(12)
    plain, sealed = bytearray(_UNIT), bytearray(_UNIT + 16)
    began = time.process_time()
    for _ in range(_ROUNDS):
        cipher.encrypt_into(nonce, plain, None, sealed)
        cipher.decrypt_into(nonce, sealed, None, plain)
    return (time.process_time() - began) / (2 * _ROUNDS * _UNIT) * 1e9


def sum_of_floors(middles: int, tcp_cpu: float, unix_cpu: float, aead_cpu: float) -> float:
    """All sockets and all passes of the cipher on a path, end to end and link by link."""
    links = middles + 1
    return 2 * unix_cpu + links * tcp_cpu + (2 + 2 * links) * aead_cpu


def iperf3(seconds: float) -> float:
    """MB/s of one stream over loopback; raises `OSError` where it is missing or mute."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    argv = ["iperf3", "-B", "127.0.0.1", "-p", port]
    with subprocess.Popen([*argv, "-s", "-1"], stdout=subprocess.DEVNULL) as server:
        try:
            return _client(["iperf3", "-c", "127.0.0.1", "-p", port, "-J", "-t", f"{seconds:.0f}"])
        finally:
            server.kill()


def _client(argv: list[str]) -> float:
    end = time.monotonic() + _LISTENS_S
    while (rate := _received(argv)) is None:
        if time.monotonic() > end:
            raise TimeoutError("iperf3 did not answer")
        time.sleep(0.1)
    return rate


def _received(argv: list[str]) -> float | None:
    """MB/s; None while the server does not listen, which iperf3 tells in its answer and not by its exit."""
    told = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    summary = json.loads(told or "{}").get("end", {}).get("sum_received")
    return summary["bits_per_second"] / 8e6 if summary else None
