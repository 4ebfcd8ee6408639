"""Programs that nobody launched: refused by default, full members where the configuration lets them join."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signal_bus.identity import load_or_create
from tests.support.home import ScratchHome
from tests.support.wait import eventually

PROGRAM = Path(__file__).parent / "programs" / "client.py"
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def stranger(home: ScratchHome, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program, started by nobody we know."""
    given = {"VISCRIPT_ENDPOINT": f"ipc://{home.root}/apps/apps.ipc", **environ}
    child = subprocess.Popen([sys.executable, PROGRAM], env={**os.environ, "PYTHONPATH": str(ROOT), **given})
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def rows(home: ScratchHome) -> list[dict[str, object]]:
    found: list[dict[str, object]] = home.viscript("la", "-o", "json").ok().json()
    return found


def test_a_stranger_is_refused_unless_the_configuration_lets_it_in(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps: {}")
    with stranger(scratch_home):
        log = scratch_home.root / "log" / "daemon.log"
        eventually(lambda: "code=not-allowed" in log.read_text())
        assert rows(scratch_home) == []


def test_a_stranger_that_is_let_in_is_pinged_and_shut_down(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("bus: {external: true}")
    with stranger(scratch_home) as child:
        (row,) = eventually(lambda: rows(scratch_home))
        assert (row["pid"], row["state"]) == (child.pid, "running")
        assert scratch_home.viscript("ping", "1", "-o", "json").ok().json()["kind"] == "bus"
        stopped = scratch_home.viscript("sd", "1", "-o", "json").ok().json()
        assert stopped[0]["rung"] == "bus"
        assert child.wait(timeout=5) == 0
    assert scratch_home.viscript("s", "1").code == 5


def test_a_stranger_keeps_its_id_over_a_killed_daemon(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("bus: {external: true}")
    with stranger(scratch_home) as child:
        eventually(lambda: rows(scratch_home))
        scratch_home.kill_daemon()
        eventually(lambda: scratch_home.viscript("la").code == 0)
        (row,) = eventually(lambda: [one for one in rows(scratch_home) if one["state"] == "running"])
        assert (row["id"], row["pid"]) == (1, child.pid)


def test_a_program_elsewhere_joins_by_its_key_over_an_encrypted_door(
    scratch_home: ScratchHome, short_tmp: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    other = load_or_create(short_tmp / "identity")
    allowed, tcp = other.curve().public.hex(), f"tcp: '127.0.0.1:{port}'"
    scratch_home.start_daemon(f"bus: {{external: true, {tcp}, allow: ['{allowed}']}}")
    server_key = scratch_home.viscript("whoami", "-o", "json").ok().json()["bus_key"]
    there = {
        "VISCRIPT_ENDPOINT": f"tcp://127.0.0.1:{port}",
        "VISCRIPT_SERVER_KEY": server_key,
        "VISCRIPT_IDENTITY": str(short_tmp / "identity"),
    }
    with stranger(scratch_home, **there):
        eventually(lambda: rows(scratch_home))
        assert scratch_home.viscript("ping", "1", "-o", "json").ok().json()["kind"] == "bus"
