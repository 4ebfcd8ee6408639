"""A ping of the signal server against a bare pyzmq echo, in one run; and how many it answers a second.

`python -m bench.bus` prints JSON. Both servers are processes of their own, the client is the same few lines
for all: a DEALER that sends and waits (one in flight), or keeps a window full (pipelined). The floor is a
ROUTER that sends back what it gets, without asyncio, decoding or encryption. Rounds alternate, so that a busy
moment hits all alike. Then an operator pings while an app sends events, at its limit and far beyond it.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

import zmq

from signal_bus import limits
from signal_bus.codec import encode
from signal_bus.delegate import BaseDelegate, TcpDoor
from signal_bus.identity import Identity
from signal_bus.ids import Generation, SeqId, Session
from signal_bus.messages import EventNote, Hello, Ping
from signal_bus.server import SignalServer

ROUNDS = 12
PINGS = 800  # one in flight, a round
FLOOD = 20_000  # pipelined, a round
WINDOW = 128

HOST, GUEST = Identity(b"h" * 32), Identity(b"g" * 32)
PING = encode(Ping(), request="a1")
Socket = zmq.Socket[bytes]


def echo(folder: str, ready: Connection, curve: bool) -> None:
    """The floor: a blocking ROUTER that sends back what it gets."""
    context: zmq.Context[Socket] = zmq.Context()
    router = context.socket(zmq.ROUTER)
    if curve:
        router.curve_server = True
        router.curve_secretkey = HOST.curve().secret
    port = router.bind_to_random_port("tcp://127.0.0.1")
    router.bind(f"ipc://{folder}/echo{curve:d}.ipc")
    ready.send(f"tcp://127.0.0.1:{port}")
    while True:
        router.send_multipart(router.recv_multipart())


def bus(folder: str, ready: Connection) -> None:
    """Ours, with every door."""
    asyncio.run(_bus(folder, ready))


async def _bus(folder: str, ready: Connection) -> None:
    tcp = TcpDoor(endpoint="tcp://127.0.0.1:*", allowed={GUEST.curve().public: "guest"})
    async with SignalServer(
        home_id="bench",
        apps_endpoint=f"ipc://{folder}/apps.ipc",
        operator_endpoint=f"ipc://{folder}/bus.ipc",
        tcp=tcp,
        identity=HOST,
        delegate=BaseDelegate(),
    ) as server:
        ready.send(server.tcp_endpoint)
        await asyncio.Event().wait()


def flood(folder: str, ready: Connection, per_second: float) -> None:
    """An app that sends events, so many a second; 0 as fast as it can."""
    context: zmq.Context[Socket] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.connect(f"ipc://{folder}/apps.ipc")
    socket.send(
        encode(Hello(session=Session("flooding"), seq=SeqId(1), generation=Generation(1)), request="1")
    )
    socket.recv()
    ready.send("flooding")
    event = encode(EventNote(topic="flood", data={"text": "x" * 200}))
    while True:
        socket.send(event)
        if per_second:
            time.sleep(1 / per_second)


@contextmanager
def process(target: Callable[..., None], *arguments: object) -> Iterator[str]:
    """A process that told where it listens."""
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    spawned = spawn.Process(target=target, args=(*arguments[:1], theirs, *arguments[1:]))
    spawned.start()
    try:
        yield ours.recv()
    finally:
        spawned.kill()
        spawned.join()


def dealer(context: zmq.Context[Socket], endpoint: str, *, curve: bool) -> Socket:
    """A client, warmed up."""
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    if curve:
        own = GUEST.curve()
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = (
            HOST.curve().public,
            own.public,
            own.secret,
        )
    socket.connect(endpoint)
    one_in_flight(socket, 200)
    return socket


def one_in_flight(socket: Socket, count: int) -> list[float]:
    """Seconds of each ping."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        socket.send(PING)
        socket.recv()
        times.append(time.perf_counter() - started)
    return times


def pipelined(socket: Socket, count: int) -> float:
    """Answers a second with a full window."""
    started = time.perf_counter()
    sent = 0
    while sent < WINDOW:
        socket.send(PING)
        sent += 1
    for _ in range(count):
        socket.recv()
        if sent < count:
            socket.send(PING)
            sent += 1
    return count / (time.perf_counter() - started)


def run() -> dict[str, Any]:
    """All figures of one run, and their ratios."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="b", dir="/tmp"))
        context: zmq.Context[Socket] = stack.enter_context(zmq.Context())
        plain = stack.enter_context(process(echo, folder, False))
        curved = stack.enter_context(process(echo, folder, True))
        ours = stack.enter_context(process(bus, folder))
        sockets = {
            "echo_tcp": dealer(context, plain, curve=False),
            "echo_ipc": dealer(context, f"ipc://{folder}/echo0.ipc", curve=False),
            "echo_tcp_curve": dealer(context, curved, curve=True),
            "bus_ipc": dealer(context, f"ipc://{folder}/apps.ipc", curve=False),
            "bus_tcp_curve": dealer(context, ours, curve=True),
        }
        for socket in sockets.values():
            stack.callback(socket.close)
        pings: dict[str, list[float]] = {name: [] for name in sockets}
        rates: dict[str, list[float]] = {name: [] for name in sockets}
        for _ in range(ROUNDS):
            for name, socket in sockets.items():
                pings[name] += one_in_flight(socket, PINGS)
        for _ in range(max(1, ROUNDS // 4)):
            for name, socket in sockets.items():
                rates[name].append(pipelined(socket, FLOOD))
        result = report(pings, rates)
        operator = dealer(context, f"ipc://{folder}/bus.ipc", curve=False)
        stack.callback(operator.close)
        result["flood"] = flooded(folder, operator)
    return result


def flooded(folder: str, operator: Socket) -> dict[str, float]:
    """An operator's ping, p99 in microseconds: idle, beside an app at its limit, beside one far beyond it."""
    found = {"idle_p99_us": p99(one_in_flight(operator, 5000))}
    for name, rate in (("limit", limits.NOISE_PER_S), ("beyond", 0.0)):
        with process(flood, folder, rate):
            found[f"{name}_p99_us"] = p99(one_in_flight(operator, 5000))
    found["limit_over_idle"] = round(found["limit_p99_us"] / found["idle_p99_us"], 2)
    return found


def p99(times: list[float]) -> float:
    """In microseconds."""
    return round(sorted(times)[len(times) * 99 // 100] * 1e6, 1)


def report(pings: dict[str, list[float]], rates: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, and ours against the floor on the same transport."""
    p50 = {name: statistics.median(times) for name, times in pings.items()}
    rate = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "ping_p50_us": {name: round(seconds * 1e6, 1) for name, seconds in p50.items()},
        "answers_per_second": {name: round(value) for name, value in rate.items()},
        "ping_ratio": {
            "curve_over_plain_echo": round(p50["bus_tcp_curve"] / p50["echo_tcp"], 3),
            "curve_over_curve_echo": round(p50["bus_tcp_curve"] / p50["echo_tcp_curve"], 3),
            "ipc_over_plain_echo": round(p50["bus_ipc"] / p50["echo_ipc"], 3),
        },
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
