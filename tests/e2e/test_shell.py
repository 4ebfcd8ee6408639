"""`viscript ssh` and `scp` as a person has them: two hosts, their daemons, a terminal on a screen."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.terminal import CTRL_C, ENTER, Terminal
from tests.support.wait import eventually

CONFIG = """\
apps: {}
plugins:
  settings:
    mesh: {listen: "127.0.77.3:0", alone: true}
"""


@dataclass
class Hosts:
    """`near` uses the terminal of `far`, whom it calls mike."""

    near: ScratchHome
    far: ScratchHome
    terminal_id: int = 0
    opened: list[Terminal] = field(default_factory=list)

    def screen(self, *words: str) -> Terminal:
        argv = [sys.executable, "-P", "-m", "viscript", *words]
        return Terminal(argv, {**self.near.environ, "PS1": "$ "})

    def processes_of_the_terminal(self) -> list[psutil.Process]:
        return [
            process
            for process in self.far.processes()
            if "plugins.terminal.server" in " ".join(process.cmdline())
        ]


def key_of(home: ScratchHome) -> str:
    return str(home.viscript("whoami", "-o", "json").ok().json()["public_key"])


@pytest.fixture
def hosts(short_tmp: Path) -> Iterator[Hosts]:
    homes = [ScratchHome(short_tmp / name) for name in ("n", "f")]
    try:
        for home in homes:
            home.root.mkdir(mode=0o700)
            home.start_daemon(CONFIG)
            home.viscript("s", "visor", timeout=90).ok()
        near, far = homes
        address = far.viscript("log", "visor").ok().out.partition("takes links at ")[2].split()[0]
        near.viscript("tp", "add", f"{key_of(far)}@{address}").ok()
        near.viscript("mesh", "name", key_of(far), "mike").ok()
        started = far.viscript("s", "SSH", "-o", "json", "--allow", key_of(near)).ok().json()
        yield Hosts(near, far, started["id"])
        for home in homes:
            home.end_daemon()
    finally:
        for home in homes:
            home.close()


def test_a_person_at_a_terminal(hosts: Hosts) -> None:
    with hosts.screen("ssh", "mike") as screen:
        screen.type("PS1='$ '; stty size; echo rea''dy" + ENTER)
        screen.wait_for("30 100")
        screen.wait_for("ready")
        screen.resize(90, 25)
        screen.type("stty size" + ENTER)
        screen.wait_for("25 90")
        screen.type("sh -c \"echo sleep''ing; exec sleep 60\"" + ENTER)  # it has the terminal by then
        screen.wait_for("sleeping")
        screen.type(CTRL_C)
        screen.wait_for_input("$")
        screen.type("echo a''wake; exit 4" + ENTER)
        screen.wait_for("awake")
        assert screen.wait_for_exit() == 4
    (row,) = hosts.far.viscript("terminal", "status", "-o", "json").ok().json()
    assert (row["served"], row["open"], row["ended"][0]["kind"]) == (1, 0, "shell")
    assert row["ended"][0]["peer"] == key_of(hosts.near)
    assert row["ended"][0]["ended"] == "exit 4"


def test_the_way_out_of_a_shell_that_does_not_answer(hosts: Hosts) -> None:
    with hosts.screen("ssh", "mike") as screen:
        before = screen.modes()
        screen.type("echo sto''pped $$; kill -STOP $$" + ENTER)
        screen.wait_for("stopped")
        screen.type(ENTER + "~.")
        assert screen.wait_for_exit() == 255
        assert screen.modes() == before
    eventually(lambda: hosts.far.viscript("terminal", "status", "-o", "json").json()[0]["open"] == 0)


def test_at_the_prompt_a_shell_comes_and_goes(hosts: Hosts) -> None:
    with hosts.screen() as screen:
        screen.wait_for_input("viscript>")
        screen.type(f"ssh mike echo he''re{ENTER}")
        screen.wait_for("here")
        screen.wait_for_input("viscript>")
        screen.type(f"ssh mike{ENTER}")
        eventually(lambda: hosts.far.viscript("terminal", "status", "-o", "json").json()[0]["open"] == 1)
        screen.type(f"echo a''gain; exit{ENTER}")
        screen.wait_for("again")
        screen.wait_for_input("viscript>")


def test_commands_files_and_the_daemon_there(hosts: Hosts, tmp_path: Path) -> None:
    near, far = hosts.near, hosts.far
    done = near.viscript("ssh", "mike", "echo", "out;", "echo err >&2; exit 7")
    assert (done.code, done.out, done.err) == (7, "out\n", "err\n")
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    near.viscript("scp", "file", f"mike:{tmp_path}/there", cwd=tmp_path).ok()
    near.viscript("scp", f"mike:{tmp_path}/there", "back", cwd=tmp_path).ok()
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()
    answer = near.viscript("ssh", "mike", "viscript whoami -o name")
    assert answer.ok().out == far.viscript("whoami", "-o", "name").ok().out
    environment = near.viscript("ssh", "mike", "env").ok().out
    for secret in ("VISCRIPT_IDENTITY", "VISCRIPT_ENDPOINT", "VISCRIPT_TOKEN_FD", "SIGNAL_"):
        assert secret not in environment
    line = near.viscript("terminal", "known_hosts", "mike").ok().out
    assert line.startswith("mike ssh-ed25519 ")
    far.viscript("restart", str(hosts.terminal_id)).ok()
    assert near.viscript("terminal", "known_hosts", "mike").ok().out == line


def test_a_daemon_that_is_killed_takes_no_session_with_it(hosts: Hosts) -> None:
    with hosts.screen("ssh", "mike") as screen:
        screen.type("echo be''gun" + ENTER)
        screen.wait_for("begun")
        hosts.far.kill_daemon()
        hosts.near.kill_daemon()
        screen.type("echo still he''re; exit 0" + ENTER)
        screen.wait_for("still here")
        assert screen.wait_for_exit() == 0
    eventually(lambda: hosts.near.viscript("ssh", "mike", "true").code == 0)  # their keepers start them again


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_when_the_app_ends_nothing_of_its_sessions_stays(hosts: Hosts, how: str) -> None:
    script = "setsid sleep 601 & nohup sleep 602 > /dev/null 2>&1 & echo be''gun; sleep 603"
    with hosts.screen("ssh", "-t", "mike", script) as screen:
        screen.wait_for("begun")
        eventually(lambda: len(hosts.far.named("sleep")) == 3)
        sleeping = hosts.far.named("sleep")
        if how == "stopped":
            hosts.far.viscript("sd", str(hosts.terminal_id)).ok()
        else:
            for process in hosts.processes_of_the_terminal():
                process.kill()
        screen.wait_for_exit()
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in sleeping))
