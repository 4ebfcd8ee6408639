"""Promise: programs people run every day are supervised as they are, and live through a killed daemon."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.programs import config, free_port, row
from tests.support.wait import eventually

NGINX = """
daemon off;
worker_processes 2;
error_log stderr;
pid {folder}/nginx.pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fast;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "here"; }} }}
}}
"""
NODE = """
const server = require('http').createServer((request, answer) => answer.end('here'));
server.listen({port}, '127.0.0.1', () => console.log('listening'));
"""
FORKS = "sleep 1000 & sleep 1000 & echo ready; wait"


@dataclass(frozen=True)
class Program:
    """One program: its app, whether it serves, and how many processes it has at least."""

    app: dict[str, Any]
    serves: Callable[[], bool]
    processes: int = 1


def needed(name: str) -> str:
    """The path of a Debian program. `tools/machine.py` installs what is missing."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert path, f"{name} is not installed; boot.py test installs it"
    return path


def gets(port: int) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    return answers


def nginx(folder: Path, port: int) -> Program:
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, port=port))
    app = {"command": [needed("nginx"), "-c", str(file), "-p", str(folder), "-e", "stderr"]}
    return Program({**app, "ready": {"tcp": f"127.0.0.1:{port}", "interval": "50ms"}}, gets(port), 3)


def redis(folder: Path, port: int) -> Program:
    argv = [needed("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]

    def answers() -> bool:
        asked = [needed("redis-cli"), "-p", str(port), "ping"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=5)
        return done.stdout == "PONG\n"

    app = {"command": [*argv, "--save", ""], "ready": {"log": "Ready to accept connections"}}
    return Program(app, answers)


def http_server(folder: Path, port: int) -> Program:
    argv = [sys.executable, "-u", "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    app = {"command": argv, "cwd": str(folder), "ready": {"http": f"http://127.0.0.1:{port}/"}}
    return Program({**app, "stop": {"signal": "INT"}}, gets(port))


def shell(folder: Path, port: int) -> Program:
    return Program({"command": ["sh", "-c", FORKS], "stop": {"grace": "1s"}}, lambda: True, 3)


def node(folder: Path, port: int) -> Program:
    script = folder / "server.js"
    script.write_text(NODE.format(port=port))
    return Program({"command": [needed("node"), str(script)], "ready": {"log": "listening"}}, gets(port))


PROGRAMS = {one.__name__: one for one in (nginx, redis, http_server, shell, node)}


@pytest.fixture(params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, scratch_home: ScratchHome, short_tmp: Path
) -> tuple[ScratchHome, Program]:
    """A home in which one of the programs was started, with a plain `s`."""
    folder = short_tmp / "p"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)  # nginx's workers are another user
    program = PROGRAMS[request.param](folder, free_port())
    scratch_home.start_daemon(config({"it": {**program.app, "restart": {"delay": "100ms"}}}))
    scratch_home.viscript("s", "it").ok()
    return scratch_home, program


def tree(pid: int) -> set[int]:
    leader = psutil.Process(pid)
    return {pid, *(child.pid for child in leader.children(recursive=True))}


def test_it_starts_is_seen_crashes_is_explained_and_stops(running: tuple[ScratchHome, Program]) -> None:
    home, program = running
    assert program.serves()
    assert home.viscript("ping", "it", "-o", "json").ok().json()["kind"] == "process"
    (used,) = home.viscript("ru", "it", "-o", "json").ok().json()
    assert used["rss_bytes"] > 0
    assert used["tree"]["processes"] >= program.processes
    leader = row(home)["pid"]
    before = tree(leader)

    os.kill(leader, signal.SIGKILL)
    eventually(lambda: row(home)["generation"] == 2 and row(home)["state"] in ("running", "ready"))
    assert row(home)["last_exit"]["signal"] == signal.SIGKILL
    assert eventually(program.serves)
    assert not before & {process.pid for process in home.processes()}  # not a worker of the old one
    assert "killed by signal 9 (SIGKILL)" in home.viscript("why", "it").ok().out

    after = tree(row(home)["pid"])
    home.viscript("sd", "it").ok()
    assert not any(psutil.pid_exists(pid) for pid in after)
    assert home.viscript("why", "it").code == 0


def test_a_killed_daemon_changes_nothing_for_it(running: tuple[ScratchHome, Program]) -> None:
    home, program = running
    before = tree(row(home)["pid"])
    home.kill_daemon()
    assert program.serves()
    eventually(lambda: home.viscript("la").code == 0)
    assert program.serves()
    assert tree(row(home)["pid"]) == before
    assert (row(home)["id"], row(home)["generation"], row(home)["restarts"]) == (1, 1, 0)
    home.viscript("ping", "it").ok()
    home.viscript("sd", "it").ok()
    assert not any(psutil.pid_exists(pid) for pid in before)


def test_redis_answers_throughout_and_keeps_its_data(scratch_home: ScratchHome, short_tmp: Path) -> None:
    port = free_port()
    program = redis(short_tmp, port)
    scratch_home.start_daemon(config({"db": program.app}))
    scratch_home.viscript("s", "db").ok()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire, wire.makefile("rb") as answers:

        def say(*words: str) -> bytes:
            wire.sendall("".join((*(" ".join(words),), "\r\n")).encode())
            return answers.readline()

        assert say("SET", "kept", "1") == b"+OK\r\n"
        for end in (scratch_home.kill_daemon, scratch_home.kill_keeper, scratch_home.kill_daemon):
            end()
            assert say("PING") == b"+PONG\r\n"  # the very same connection
            eventually(lambda: say("PING") == b"+PONG\r\n" and scratch_home.viscript("la").code == 0)
        assert say("INCR", "kept") == b":2\r\n"
    assert (row(scratch_home)["generation"], row(scratch_home)["state"]) == (1, "ready")
    scratch_home.viscript("sd", "db").ok()


def test_two_of_nginx_on_one_port_are_told_apart(scratch_home: ScratchHome, short_tmp: Path) -> None:
    port = free_port()
    short_tmp.chmod(0o755)
    web = {**nginx(short_tmp, port).app, "restart": {"policy": "never"}}
    scratch_home.start_daemon(config({"web": web}))
    scratch_home.viscript("s", "web").ok()
    second = scratch_home.viscript("s", "web")
    assert second.code == 1
    assert f"port {port}" in second.err
    assert "nginx" in second.err
    conflict = scratch_home.viscript("why", "2", "-o", "json").ok().json()["conflict"]
    assert (conflict["port"], conflict["id"]) == (port, 1)
