"""VPN: iperf3 and small pings through the tunnel, beside the plain cable and tunnels of others, in turns.

Two hosts (network namespaces) with one cable; a visor and an app on each. Needs root, iperf3 and nft.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.apps.ground import FAR, Ground
from bench.apps.part import Part, Size
from bench.apps.programs import Programs, cpu_s, owned
from bench.apps.tunnels import Tunnel, await_ping, forget, tinc, wireguard
from bench.mesh.faults.program import Program, Trouble
from bench.metrics import Bound, Metric
from bench.results import OURS, Sample
from bench.runner import say
from signal_bus.identity import load_or_create

CABLE: Final = "plain veth"
WIREGUARD: Final = "wireguard-go"
TINC: Final = "tinc"
GATEWAY: Final = "10.44.0.1"
VISOR: Final = "bench.mesh.faults.node"
SECONDS: Final = 4

METRICS: Final = (
    Metric(
        "vpn_mb_per_s", "VPN by iperf3, one stream", "MB/s", "more",
        bounds=(
            Bound(times=0.4, peer=CABLE, n=0),
            Bound(times=5, peer=WIREGUARD, n=0),
            Bound(times=5, peer=TINC, n=0),
        ),
    ),
    Metric("vpn_cpu_s_per_gb", "its CPU, of all that carries it", "s/GB"),
    Metric("vpn_ping_us", "ping through it, mean", "us"),
)  # fmt: skip


class Field(NamedTuple):
    """All ways to the far host."""

    ground: Ground
    tunnels: list[Tunnel]


@contextmanager
def field() -> Iterator[Field]:
    """Up. Raises `Trouble`."""
    with (
        Ground() as ground,
        tempfile.TemporaryDirectory(prefix="bv") as folder,
        Programs(Path(folder)) as programs,
    ):
        with ground.inside(ground.far):
            programs.background("iperf3", "-s")
        tunnels = [Tunnel(CABLE, FAR), _ours(programs, ground)]
        for start in (wireguard, tinc):
            try:
                tunnels.append(start(programs, ground))
            except Trouble as exc:
                say(f"  {start.__name__}: {exc}")
        try:
            yield Field(ground, tunnels)
        finally:
            forget()


def _ours(programs: Programs, ground: Ground) -> Tunnel:
    """Visors with one link, an exit at the far host, everything through it but the cable itself."""
    visors, keys, ends = list[Program](), list[str](), list[Program]()
    for name, host in (("near", ground.near), ("far", ground.far)):
        state = owned(programs.folder / name)
        keys.append(load_or_create(state / "identity").public_key.hex())
        with ground.inside(host):
            words = ("--listen", "0.0.0.0:7777", "--state", str(state), "--alone", "--setup", "direct")
            visors.append(programs.module(name, VISOR, *words))
    visors[0].ask("add_transport", f"{keys[1]}@{FAR}:7777", "stcpr")
    for name, host, module, words in (
        ("far", ground.far, "server", ("--allow-private",)),
        ("near", ground.near, "client", ("--peer", keys[1], "--split", "10.44.0.0/24")),
    ):
        state = programs.folder / name
        with ground.inside(host):
            place = (name, str(state / "app.sock"), "--state", str(state / "vpn"))
            ends.append(programs.module(f"vpn-{name}", f"plugins.vpn.{module}", *place, *words))
    await_ping(ground, GATEWAY)
    return Tunnel(OURS, GATEWAY, tuple(program.process.pid for program in (*visors, *ends)))


def bulk(size: Size) -> Iterator[Sample]:
    """Each way in turn."""
    with field() as made:
        for _ in range(size.tries):
            for tunnel in made.tunnels:
                before = cpu_s(*tunnel.pids)
                count, rate = _carried(made.ground, tunnel.address)
                yield Sample("vpn_mb_per_s", 0, tunnel.name, rate)
                if tunnel.pids:
                    used = (cpu_s(*tunnel.pids) - before) / (count / 1e9)
                    yield Sample("vpn_cpu_s_per_gb", 0, tunnel.name, used)


def _carried(ground: Ground, address: str) -> tuple[float, float]:
    """Bytes, and MB/s."""
    told = ground.run(ground.near, "iperf3", "-J", "-t", str(SECONDS), "-c", address)
    end = json.loads(told)["end"]["sum_received"]
    return end["bytes"], end["bits_per_second"] / 8e6


def pings(size: Size) -> Iterator[Sample]:
    """The mean of many, as `ping` tells it."""
    with field() as made:
        for tunnel in made.tunnels:
            words = ("ping", "-q", "-c", str(size.gets), "-i", "0.005", tunnel.address)
            told = made.ground.run(made.ground.near, *words)
            mean = float(told.rpartition("=")[2].split("/")[1])
            yield Sample("vpn_ping_us", 0, tunnel.name, mean * 1000)


PART: Final = Part({"vpn-bulk": bulk, "vpn-ping": pings}, METRICS)
