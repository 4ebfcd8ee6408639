"""Driver of viscript: pings on the bus's operators' door, verbs on the door the command line uses."""

import socket
from typing import Any

import msgspec
import zmq

from bench.drivers.loop import serve, settings
from signal_bus.codec import encode
from signal_bus.messages import Ping
from viscript.home import Home, find_home

_PATIENCE_S = 60.0
_CHUNK = 1 << 18


class Row(msgspec.Struct):
    """What is asked of each app in a listing; the rest is passed over."""

    id: int
    state: str
    pid: int | None
    uptime_seconds: float | None
    cpu_percent: float | None
    rss_bytes: int | None
    restarts: int


class Sample(msgspec.Struct):
    """What is asked of each app in a sample."""

    id: int
    cpu_percent: float | None
    rss_bytes: int | None


class _Line(msgspec.Struct):
    o: str = ""
    x: int | None = None


_rows = msgspec.json.Decoder(list[Row])
_samples = msgspec.json.Decoder(list[Sample])
_line = msgspec.json.Decoder(_Line)


def ask(home: Home, *argv: str) -> str:
    """Run one verb on a connection of its own; what it prints as JSON. Raises `OSError`."""
    request = {"v": 1, "argv": [*argv, "-o", "json"], "cwd": "/", "mode": "oneshot"}
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(_PATIENCE_S)
        door.connect(home.verbs_socket)
        door.sendall(msgspec.json.encode(request) + b"\n")
        pieces = []
        while piece := door.recv(_CHUNK):
            pieces.append(piece)
            if piece.endswith(b"}\n") and b'{"x":' in piece[-12:]:
                break
    return "".join(_line.decode(line).o for line in b"".join(pieces).splitlines())


def facts(home: Home) -> dict[str, Any]:
    """`daemon status`. Raises `OSError` when no daemon answers."""
    told: dict[str, Any] = msgspec.json.decode(ask(home, "daemon", "status"))
    return told


def running(home: Home) -> list[Row]:
    """The apps that run."""
    return [row for row in _rows.decode(ask(home, "la")) if row.state in ("running", "ready")]


class Bus:
    """A client of the operators' door with one ping in flight."""

    def __init__(self, endpoint: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.reconnect_ivl = 5  # ms: it may be there before the daemon is
        self._socket.rcvtimeo = int(_PATIENCE_S * 1000)
        self._socket.connect(endpoint)
        self._ping = encode(Ping(), request="a1")

    def ping(self) -> None:
        """Send and wait. Raises `zmq.Again` when no answer comes."""
        self._socket.send(self._ping)
        self._socket.recv()


def main() -> None:
    """Serve operations on the daemon whose home the settings name."""
    home = find_home({"VISCRIPT_HOME": settings()["home"]})
    bus = Bus(f"ipc://{home.bus_socket}")
    serve(
        {
            "ping": bus.ping,
            "status_all": lambda: len(running(home)),
            "usage_all": lambda: len(_samples.decode(ask(home, "ru"))),
            "stop_all": lambda: len(msgspec.json.decode(ask(home, "sd", "all"))),
        }
    )


if __name__ == "__main__":
    main()
