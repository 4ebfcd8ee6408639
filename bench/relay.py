"""A relayed TCP connection against one through a plain hop: `python3 -P -m bench.relay [GIB]`, JSON out.

    source -> messenger -> sink      the real program, with two clients' sessions set up as in use
    source -> hop -> sink            a process that only receives and sends, blocking, 256 KiB at a time
    source -> sink                   loopback itself

CPU time is that of the middle process, from /proc; without one, of both ends. Rows run in turns, three times;
the medians count. The source writes 256 KiB at once.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.mesh.channel import ControlChannel, Method
from components.mesh.ports import MeshPort
from components.mesh.relay_wire import Incoming, Through
from components.mesh.session import dial
from signal_bus.identity import Identity, draw
from signal_bus.ids import PublicKey

PIECE = 256 * 1024
ROUNDS = 3
GIB = 1024**3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("gib", nargs="?", type=float, default=1.0)
    size = int(parser.parse_args().gib * GIB)
    rows: dict[str, list[dict[str, float]]] = {"loopback": [], "hop": [], "messenger": []}
    runs: dict[str, Callable[[int], dict[str, float]]] = {
        "loopback": loopback,
        "hop": through_hop,
        "messenger": through_messenger,
    }
    for _ in range(ROUNDS):
        for name, run in runs.items():
            rows[name].append(run(size))
    print(json.dumps(report(rows), indent=2))


def report(rows: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """The medians of each row, and what they say of the messenger."""
    medians: dict[str, Any] = {
        name: {key: round(statistics.median(run[key] for run in runs), 4) for key in runs[0]}
        for name, runs in rows.items()
    }
    hop, relayed = medians["hop"], medians["messenger"]
    medians["messenger_to_hop"] = {
        "throughput": round(relayed["mb_s"] / hop["mb_s"], 3),
        "cpu_s_per_gb": round(relayed["cpu_s_per_gb"] / hop["cpu_s_per_gb"], 3),
    }
    return medians


def loopback(size: int) -> dict[str, float]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        two, _ = listener.accept()
        return poured(one, two, size, os.getpid())


def through_hop(size: int) -> dict[str, float]:
    with socket.create_server(("127.0.0.1", 0)) as front, socket.create_server(("127.0.0.1", 0)) as back:
        argv = [sys.executable, "-c", HOP, str(front.fileno()), str(back.getsockname()[1])]
        with subprocess.Popen(argv, pass_fds=[front.fileno()]) as hop:
            one = socket.create_connection(front.getsockname())
            two, _ = back.accept()
            return poured(one, two, size, hop.pid)


HOP = """
import socket, sys
front = socket.socket(fileno=int(sys.argv[1]))
out = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
come, _ = front.accept()
room = memoryview(bytearray(262144))
while size := come.recv_into(room):
    out.sendall(room[:size])
out.shutdown(socket.SHUT_WR)
come.recv(1)
"""


def through_messenger(size: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as state:
        argv = [sys.executable, "-P", "-m", "components.messenger", "--listen", "127.0.0.1:0"]
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        with subprocess.Popen(
            [*argv, "--quota", "0", "--state", state],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
        ) as process:
            assert process.stdout is not None
            try:
                words = process.stdout.readline().decode().split()
                address = ("127.0.0.1", int(words[-1].rpartition(":")[2]))
                one, two = asyncio.run(relayed(PublicKey(bytes.fromhex(words[1])), address))
                return poured(one, two, size, process.pid)
            finally:
                process.terminate()


async def relayed(key: PublicKey, address: tuple[str, int]) -> tuple[socket.socket, socket.socket]:
    """The two ends of a relayed connection."""
    caller, callee = Identity(draw()), Identity(draw())
    told: asyncio.Queue[Incoming] = asyncio.Queue()
    presence = await dial(address, callee, key, MeshPort.PRESENCE)
    async with (
        ControlChannel(presence, {"incoming": Method(Incoming, told.put)}),
        asyncio.TaskGroup() as tasks,
    ):
        dialling = tasks.create_task(
            dial(address, caller, key, MeshPort.RELAY, Through(to=callee.public_key))
        )
        token = (await told.get()).token
        came = await dial(address, callee, key, MeshPort.RELAY, Through(token=token))
    return dialling.result().socket, came.socket


def poured(one: socket.socket, two: socket.socket, size: int, pid: int) -> dict[str, float]:
    """Send `size` bytes from one to two, and close both."""
    with one, two:
        for sock in (one, two):
            sock.setblocking(True)
        piece, room = bytes(PIECE), bytearray(PIECE)
        before, started = cpu_s(pid), time.perf_counter()

        def send() -> None:
            for _ in range(size // PIECE):
                one.sendall(piece)

        sender = threading.Thread(target=send)
        sender.start()
        left = size // PIECE * PIECE
        while left:
            left -= two.recv_into(room)
        sender.join()
        seconds, used = time.perf_counter() - started, cpu_s(pid) - before
    return {"mb_s": size / 1e6 / seconds, "cpu_s_per_gb": used / (size / 1e9)}


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
