"""Tunnels of others between the two hosts of a ground, each with addresses of its own."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bench.apps.ground import FAR, NEAR, Ground, call
from bench.apps.programs import Programs
from bench.mesh.faults.program import READY_S, Trouble, until

MTU: Final = "1400"
_TINC: Final = (("near", NEAR, "10.8.0.1"), ("far", FAR, "10.8.0.2"))
_SOCKETS: Final = Path("/var/run/wireguard")
_WIREGUARD: Final = (("near", NEAR, "10.9.0.1"), ("far", FAR, "10.9.0.2"))


class Tunnel(NamedTuple):
    """A way to the far host: its address there, and who carries it."""

    name: str
    address: str
    pids: tuple[int, ...] = ()


def tinc(programs: Programs, ground: Ground) -> Tunnel:
    """Debian's tinc in its usual form. Raises `Trouble`."""
    folder = programs.folder / "tinc"
    keys = {name: _tinc_host(folder / name, name, address, own) for name, address, own in _TINC}
    pids = []
    for name, _, _ in _TINC:
        home, other = folder / name, "far" if name == "near" else "near"
        (home / "hosts" / other).write_text(keys[other])
        with ground.inside(ground.near if name == "near" else ground.far):
            pids.append(programs.background("tincd", "-c", str(home), "-D", f"--pidfile={home}/pid"))
    await_ping(ground, "10.8.0.2")
    return Tunnel("tinc", "10.8.0.2", tuple(pids))


def _tinc_host(home: Path, name: str, address: str, own: str) -> str:
    """One end's files; what the other has to know of it."""
    (home / "hosts").mkdir(parents=True)
    other = "near" if name == "far" else "far"
    (home / "tinc.conf").write_text(f"Name = {name}\nConnectTo = {other}\nInterface = tinc{name}\n")
    (home / "hosts" / name).write_text(f"Address = {address}\nSubnet = {own}/32\n")
    up = home / "tinc-up"
    up.write_text(f"#!/bin/sh\nip address add {own}/24 dev $INTERFACE\nip link set $INTERFACE mtu {MTU} up\n")
    up.chmod(0o700)
    call("tincd", "-c", str(home), "-K2048")
    return (home / "hosts" / name).read_text()


def wireguard(programs: Programs, ground: Ground) -> Tunnel:
    """Debian's wireguard-go. Raises `Trouble`."""
    keys = {name: X25519PrivateKey.generate() for name, _, _ in _WIREGUARD}
    pids = []
    for name, _, own in _WIREGUARD:
        host, device = (ground.near if name == "near" else ground.far), f"{_device()}{name[0]}"
        with ground.inside(host):
            pids.append(programs.background("wireguard-go", "-f", device))
        other, place, far = next(end for end in _WIREGUARD if end[0] != name)
        _configure(device, keys[name], keys[other], place, far)
        call("ip", "-n", host, "address", "add", f"{own}/24", "dev", device)
        call("ip", "-n", host, "link", "set", device, "mtu", MTU, "up")
    await_ping(ground, "10.9.0.2")
    return Tunnel("wireguard-go", "10.9.0.2", tuple(pids))


def forget(folder: Path = _SOCKETS) -> None:
    """Take away the sockets that wireguard-go leaves when it is killed, and their folder if it is empty."""
    for path in folder.glob(f"{_device()}?.sock"):
        path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _device() -> str:
    return f"wgb{os.getpid() % 10_000}"


def _configure(device: str, own: X25519PrivateKey, other: X25519PrivateKey, place: str, far: str) -> None:
    """Its keys and its peer, by the socket it listens at. Raises `Trouble`."""
    words = (
        f"set=1\nprivate_key={own.private_bytes_raw().hex()}\nlisten_port=51820\n"
        f"public_key={other.public_key().public_bytes_raw().hex()}\n"
        f"endpoint={place}:51820\nallowed_ip={far}/32\n\n"
    )
    path, end = str(_SOCKETS / f"{device}.sock"), time.monotonic() + READY_S
    with socket.socket(socket.AF_UNIX) as sock:
        while sock.connect_ex(path):
            if time.monotonic() > end:
                raise Trouble("wireguard-go does not answer")
            time.sleep(0.02)
        sock.sendall(words.encode())
        if b"errno=0" not in (answer := sock.recv(1000)):
            raise Trouble(f"wireguard-go: {answer!r}")


def await_ping(ground: Ground, address: str) -> None:
    """Until it answers from the near host. Raises `Trouble`."""
    until(lambda: ground.run(ground.near, "ping", "-c1", "-W1", address))
