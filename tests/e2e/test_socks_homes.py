"""SOCKS as people use it: two homes with a daemon each, the verbs, and what happens when parts are killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import Answer, ScratchHome
from tests.support.programs import free_port
from tests.support.wait import eventually

pytestmark = pytest.mark.timeout(300)
MIRROR = "http://exit.viscript.internal/"


class Homes:
    """Ann's programs go out at Mike's; `port` is where SOCKS is."""

    def __init__(self, ann: ScratchHome, mike: ScratchHome) -> None:
        self.ann, self.mike = ann, mike
        self.port = free_port()
        listens = [free_port(), free_port()]
        for home, listen in zip((ann, mike), listens, strict=True):
            mesh = f"mesh: {{alone: true, listen: '127.0.0.1:{listen}'}}"
            home.start_daemon(f"plugins: {{settings: {{{mesh}, socks: {{allow_private: true}}}}}}\n")
        mike.viscript("start", "socks-server", timeout=60).ok()
        ann.viscript("start", "visor", timeout=60).ok()
        self.key: str = mike.viscript("whoami", "-o", "json").ok().json()["public_key"]
        ann.viscript("tp", "add", f"{self.key}@127.0.0.1:{listens[1]}").ok()
        ann.viscript("mesh", "name", self.key, "mike").ok()

    def up(self, peer: str, *words: str) -> Answer:
        place = f"127.0.0.1:{self.port}"
        return self.ann.viscript("socks", "up", peer, "--listen", place, "--http", "off", *words, timeout=90)

    def curl(self, *words: str) -> tuple[int, str]:
        argv = ["curl", "-sS", "--max-time", "60", "-x", f"socks5h://127.0.0.1:{self.port}", *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False)
        return done.returncode, done.stdout

    def comes(self) -> bool:
        """Whether the exit's page comes; the port never refuses, and nothing hangs."""
        code, said = self.curl(MIRROR)
        assert code not in (7, 28), said
        return code == 0 and json.loads(said)["exit"] == self.key


@pytest.fixture
def homes(scratch_home: ScratchHome, short_tmp: Path) -> Iterator[Homes]:
    other = ScratchHome(short_tmp / "m")
    other.root.mkdir(mode=0o700)
    try:
        yield Homes(scratch_home, other)
    finally:
        try:
            other.end_daemon()
        finally:
            other.close()


def row(home: ScratchHome, app: str) -> dict[str, Any]:
    """The one instance of an app."""
    (found,) = [one for one in home.viscript("la", "-o", "json").ok().json() if one["app"] == app]
    return dict(found)


def pid_of(home: ScratchHome, app: str) -> int:
    """Of the one instance of an app; 0 while its daemon comes back."""
    answer = home.viscript("la", "-o", "json")
    return 0 if answer.code else next((one["pid"] for one in answer.json() if one["app"] == app), None) or 0


def test_up_tells_how_to_try_it_and_down_ends_it(homes: Homes) -> None:
    wrong = homes.up("nobody")
    assert wrong.code == 1
    assert "nobody here is called 'nobody'" in wrong.err
    assert homes.ann.viscript("socks", "down").code == 5  # nothing goes on trying
    said = homes.up("mike").ok().out
    assert f"is ready: SOCKS at 127.0.0.1:{homes.port}; exit {homes.key[:8]}\n" in said
    assert f"PASS  traffic  it leaves at {homes.key[:8]}\n" in said
    command = f"curl -x socks5h://127.0.0.1:{homes.port} {MIRROR}"
    assert said.endswith(f"try it: {command}\n")
    assert homes.comes()
    assert homes.ann.viscript("socks", "check", "-o", "json").ok().json()[0]["status"] == "pass"
    (told,) = homes.ann.viscript("socks", "status", "-o", "json").ok().json()
    assert told["served"] + told["open"] == 3
    (out,) = homes.mike.viscript("socks", "status", "-o", "json").ok().json()
    assert out["app"] == "socks-server"
    down = homes.ann.viscript("socks", "down").ok().out
    assert down.endswith("is stopped\n")
    assert homes.ann.viscript("socks", "down").code == 5
    assert homes.curl(MIRROR)[0] == 7


def test_a_client_without_an_exit_says_so(homes: Homes) -> None:
    homes.mike.viscript("stop", "socks-server").ok()
    said = homes.up(homes.key[:10])
    assert said.code == 3
    assert (
        "FAIL  traffic  a program gets nothing: the exit's node is there, and no socks-server on it"
        in said.out
    )
    homes.mike.viscript("start", "socks-server").ok()
    eventually(homes.comes)


def test_programs_need_the_password_that_a_file_holds(homes: Homes) -> None:
    login = homes.ann.root / "login"
    login.write_text("ann:secret\n")
    words = ("entry", "", str(homes.port), "--http", "off", "--peer", "mike", "--login", str(login))
    assert homes.ann.viscript("start", "socks-client", *words).ok().out.startswith("[2] entry is ready")
    assert homes.curl(MIRROR) == (97, "")
    assert homes.curl("-U", "ann:wrong", MIRROR) == (97, "")
    assert homes.curl("-U", "ann:secret", MIRROR)[0] == 0
    homes.ann.viscript("socks", "check").ok()
    assert "secret" not in homes.ann.viscript("socks", "status", "-o", "json").ok().out


def test_whatever_is_killed_programs_are_told_and_later_ones_go_out(homes: Homes) -> None:
    """The client stays the same process through all of it, so its port is always open."""
    homes.up("mike").ok()
    client = row(homes.ann, "socks-client")["pid"]
    for home in (homes.ann, homes.mike):
        home.kill_daemon()
        assert homes.comes()  # what is carried does not need it
        home.daemon_pid()  # the keeper starts another
    for home, app in ((homes.ann, "visor"), (homes.mike, "visor"), (homes.mike, "socks-server")):
        os.kill(eventually(partial(pid_of, home, app)), signal.SIGKILL)
        eventually(homes.comes, deadline_s=90)
    assert row(homes.ann, "socks-client")["pid"] == client


def test_a_frozen_exit_is_not_waited_for_for_ever(homes: Homes) -> None:
    homes.up("mike").ok()
    pid = row(homes.mike, "socks-server")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        code, _ = homes.curl("--max-time", "4", MIRROR)
        assert code == 28  # the exit took the stream: the program decides how long it waits
        assert homes.ann.viscript("socks", "check", timeout=60).code == 3
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(homes.comes)


def test_both_programs_run_without_a_daemon_too(homes: Homes, short_tmp: Path) -> None:
    visor = str(homes.ann.root / "state" / "visor" / "app.sock")
    words = ["alone", visor, str(homes.port), "--http", "off", "--peer", homes.key]
    argv = [sys.executable, "-P", "-m", "plugins.socks.client", *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready: socks 127.0.0.1:{homes.port}\n"
        assert homes.comes()
        process.terminate()
        assert process.wait(20) == 0
