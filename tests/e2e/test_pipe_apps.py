"""Programs of the pipe protocol as apps of config.yaml: started, watched, restarted, reached by key."""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from components.visor.app import App
from tests.support.home import ScratchHome
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)
PROGRAMS = Path(__file__).with_name("programs")
PEER = f"{sys.executable} {PROGRAMS / 'pipe_peer.py'}"
CONFIG = f"""\
apps:
  peer:
    command: {PEER} serve
    pipe: {{port: 10, name: peer, version: "1.0", log_arg: false}}
    daemon: true
    autostart: true
    ready: signal
    restart: {{delay: 100ms}}
  echo:
    command: {shutil.which("node")} {PROGRAMS / "pipe_echo.js"}
    pipe: {{port: 11, log_arg: false}}
    daemon: true
    ready: signal
  pinger:
    command: {PEER}
    pipe: {{log_arg: false}}
    restart: {{policy: never}}
  other:
    command: {PEER} serve
    pipe: {{port: 12, version: "2.0", log_arg: false}}
    restart: {{policy: never}}
plugins:
  settings:
    mesh: {{listen: "127.0.77.7:0", alone: true}}
"""


@pytest.fixture
def home(scratch_home: ScratchHome) -> ScratchHome:
    scratch_home.start_daemon(CONFIG)
    eventually(lambda: state(scratch_home, "peer") == "ready", deadline_s=90)
    return scratch_home


def rows(home: ScratchHome) -> dict[str, Any]:
    return {row["name"]: row for row in home.viscript("la", "-a", "-o", "json").ok().json()}


def state(home: ScratchHome, name: str) -> str:
    return str(rows(home).get(name, {}).get("state", ""))


def key(home: ScratchHome) -> str:
    return str(home.viscript("whoami", "-o", "json").ok().json()["public_key"])


def programs(home: ScratchHome) -> list[int]:
    """The program that serves, without its host."""
    found = {pid: argv for pid, argv in home.named("python").items() if "serve" in argv}
    return [pid for pid, argv in found.items() if "components.visor.pipe" not in argv]


def pinged(home: ScratchHome) -> bool:
    """Whether another program of the protocol gets its pong."""
    words = ("ping", f"02{key(home)}", "10")
    return home.viscript("s", "--wait-for", "done", "pinger", *words, timeout=60).code == 0


def test_it_starts_with_the_daemon_and_brings_its_visor(home: ScratchHome) -> None:
    assert state(home, "visor") == "ready"
    assert pinged(home)
    assert "answered in" in home.viscript("ping", "peer").ok().out
    facts = home.viscript("rpc", "peer", "status", "-o", "json").ok().json()
    assert (facts["name"], facts["version"]) == ("peer", "1.0")
    assert rows(home)["pinger"]["last_exit"]["code"] == 0
    steps = home.viscript("apply", "--dry-run", str(home.root / "config.yaml"), "-o", "json").ok().json()
    assert {step["action"] for step in steps} == {"unchanged"}
    home.viscript("sd", "peer").ok()
    assert not pinged(home)


def test_it_is_started_anew_when_it_or_its_visor_dies(home: ScratchHome) -> None:
    (before,) = programs(home)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: programs(home) not in ([], [before]), deadline_s=60)
    eventually(lambda: state(home, "peer") == "ready" and pinged(home), deadline_s=60)
    home.viscript("signal", "visor", "KILL").ok()
    eventually(lambda: state(home, "visor") == "ready" and state(home, "peer") == "ready", deadline_s=90)
    eventually(lambda: pinged(home), deadline_s=60)
    home.kill_daemon()
    eventually(lambda: home.viscript("la").code == 0, deadline_s=60)
    assert pinged(home)


def test_what_it_says_wrong_is_a_failure_with_a_reason(home: ScratchHome) -> None:
    answer = home.viscript("s", "other", timeout=60)
    assert answer.code == 1
    assert "'1.0' was started as '2.0'" in home.viscript("log", "other").ok().out


def test_a_program_in_another_language_is_reached_by_key(home: ScratchHome) -> None:
    home.viscript("s", "echo", timeout=60).ok()
    assert "echo is up" in home.viscript("log", "echo").ok().out
    assert asyncio.run(said(home, b"hello mike")) == b"HELLO MIKE"


async def said(home: ScratchHome, text: bytes) -> bytes:
    """What the program answers to one message."""
    place = str(home.root / "state" / "visor" / "app.sock")
    async with App.connect(place) as app, asyncio.timeout(60), await app.dial(app.key, 11) as stream:
        stream.write(len(text).to_bytes(2, "big") + text)
        size = int.from_bytes(await stream.readexactly(2), "big")
        return await stream.readexactly(size)
