"""Whole explanations, with real programs that are in each other's way."""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.fake_world import NOW, FakeWorld, entry, instance
from tests.support.log_folder import LogFolder
from viscript.config.model import Check
from viscript.diagnose.causes import Cause
from viscript.diagnose.conflict import FileConflict, PortConflict
from viscript.diagnose.why import WhyReport, explain, investigate
from viscript.states import State
from viscript.supervisor.api import Exit, Instance

LISTEN = """
import socket, sys
server = socket.create_server((sys.argv[2], int(sys.argv[1])))
print("up", flush=True)
sys.stdin.read()
"""
LOCK = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("up", flush=True)
sys.stdin.read()
"""
UNIX = """
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("up", flush=True)
sys.stdin.read()
"""
IDLE = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture(params=["0", "1"], ids=["linux", "portable"])
def seam(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISCRIPT_PORTABLE", request.param)


@pytest.fixture
def programs() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def holder(programs: ExitStack, code: str, *args: str) -> int:
    """The pid of a program that holds something by now, in a session of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    programs.callback(process.communicate)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process.pid


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def failed(
    folder: Path, output: bytes, *args: str, state: State = State.BACKOFF, **given: object
) -> Instance:
    """An app that wrote `output` and exited with 1."""
    log = LogFolder(folder / "7-web")
    if output:
        log.write(output)
    log.close()
    facts: dict[str, object] = {"last_exit": Exit(code=1), "cause": "exited", "retry_at": NOW + 3}
    facts |= {"log_dir": log.path, "args": args, "argv": ("/bin/web", *args)}
    return instance(7, "web", state, **(facts | given))


def run_of(program: str, *args: str) -> bytes:
    """What a real program writes while it fails."""
    done = subprocess.run(
        [sys.executable, "-m", program, *args], capture_output=True, check=False, timeout=30
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.usefixtures("seam")
def test_two_servers_on_one_port(tmp_path: Path, programs: ExitStack) -> None:
    port = free_port()
    pid = holder(programs, LISTEN, str(port), "127.0.0.1")
    words = ("--bind", "127.0.0.1", str(port))
    output = run_of("http.server", *words)
    assert str(port).encode() not in output.splitlines()[-1]  # its own words lack the port
    report = explain(failed(tmp_path, output, *words), FakeWorld())
    assert report.cause == Cause.PORT_CONFLICT
    assert isinstance(report.conflict, PortConflict)
    assert (report.conflict.port, report.conflict.pid, report.conflict.id) == (port, pid, None)
    assert (report.conflict.process or "").startswith("python")
    assert f"port {port} is taken by python" in report.text
    assert "Address already in use" in report.last_lines[-1]


@pytest.mark.usefixtures("seam")
def test_the_holder_is_one_of_ours(tmp_path: Path, programs: ExitStack) -> None:
    port = free_port()
    pid = holder(programs, LISTEN, str(port), "0.0.0.0")
    world = FakeWorld(instance(3, "other", pid=pid))
    report = explain(failed(tmp_path, b"bind: Address already in use\n", "--port", str(port)), world)
    assert report.conflict == PortConflict(port=port, pid=pid, process=process_name(report), id=3)
    assert f"`sd 3` frees port {port}" in report.next


def test_a_child_of_ours_is_ours(tmp_path: Path, programs: ExitStack) -> None:
    port = free_port()
    pid = holder(programs, LISTEN, str(port), "127.0.0.1")
    world = FakeWorld(instance(3, "other", pid=os.getpid()))
    report = explain(failed(tmp_path, b"EADDRINUSE\n", f"127.0.0.1:{port}"), world)
    assert report.conflict == PortConflict(port=port, pid=pid, process=process_name(report), id=3)


def test_an_app_that_says_nothing_is_judged_by_its_check(tmp_path: Path, programs: ExitStack) -> None:
    port = free_port()
    holder(programs, LISTEN, str(port), "127.0.0.1")
    what = entry("web", ready=Check(tcp=f"127.0.0.1:{port}"))
    report = explain(failed(tmp_path, b"Traceback ...\nValueError: no\n", entry=what), FakeWorld())
    assert report.cause == Cause.PORT_CONFLICT


@pytest.mark.parametrize("output, cause", [(b"", Cause.PORT_CONFLICT), (b"ImportError: no\n", Cause.EXITED)])
def test_a_port_it_was_told_counts_only_if_nothing_else_explains_it(
    tmp_path: Path, programs: ExitStack, output: bytes, cause: Cause
) -> None:
    port = free_port()
    holder(programs, LISTEN, str(port), "127.0.0.1")
    assert explain(failed(tmp_path, output, "--port", str(port)), FakeWorld()).cause == cause


def test_a_server_it_connects_to_is_no_conflict(tmp_path: Path, programs: ExitStack) -> None:
    port = free_port()
    holder(programs, LISTEN, str(port), "127.0.0.1")
    words = ("--db", f"127.0.0.1:{port}")
    report = explain(failed(tmp_path, b"OSError: Address already in use\n", *words), FakeWorld())
    assert (report.cause, report.conflict) == (Cause.PORT_CONFLICT, None)


@pytest.mark.usefixtures("seam")
def test_a_file_that_another_has_locked(tmp_path: Path, programs: ExitStack) -> None:
    path = tmp_path / "x.lock"
    pid = holder(programs, LOCK, str(path))
    output = b"BlockingIOError: [Errno 11] Resource temporarily unavailable\n"
    report = explain(failed(tmp_path, output, str(path)), FakeWorld())
    assert report.cause == Cause.FILE_CONFLICT
    assert report.conflict == FileConflict(path=str(path), pid=pid, process=process_name(report), id=None)


@pytest.mark.usefixtures("seam")
def test_a_unix_socket_that_another_listens_on(tmp_path: Path, short_tmp: Path, programs: ExitStack) -> None:
    path = short_tmp / "s"
    pid = holder(programs, UNIX, str(path))
    report = explain(failed(tmp_path, f"bind {path}: Address already in use\n".encode()), FakeWorld())
    assert report.conflict == FileConflict(path=str(path), pid=pid, process=process_name(report), id=None)


def test_a_pid_file_names_who_runs_already(tmp_path: Path, programs: ExitStack) -> None:
    pid = holder(programs, IDLE)
    path = tmp_path / "x.pid"
    path.write_text(f"{pid}\n")
    report = explain(failed(tmp_path, f"already running? pid file {path} exists\n".encode()), FakeWorld())
    assert report.conflict == FileConflict(path=str(path), pid=pid, process=process_name(report), id=None)


def test_a_lock_inherited_from_a_child_that_ended(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with path.open("w") as file:
        if (child := os.fork()) == 0:
            fcntl.flock(file, fcntl.LOCK_EX)
            os._exit(0)
        os.waitpid(child, 0)
        report = explain(failed(tmp_path, b"cannot lock\n", str(path)), FakeWorld())
    assert isinstance(report.conflict, FileConflict)
    assert report.conflict.pid == os.getpid()


def test_only_the_last_run_speaks(tmp_path: Path) -> None:
    log = LogFolder(tmp_path / "7-web")
    log.write(b"Address already in use\n", at_ns=int((NOW - 100) * 1e9))
    log.write(b"other trouble\n", at_ns=int((NOW - 9) * 1e9))
    log.close()
    world = FakeWorld()
    world.events.tell("app.starting", "app/7", now=NOW - 10, pid=123)
    world.events.tell("app.starting", "app/8", now=NOW - 5, pid=124)
    world.events.tell("app.backoff", "app/7", now=NOW - 8)
    failing = instance(7, "web", State.BACKOFF, last_exit=Exit(code=1), log_dir=log.path)
    report = explain(failing, world)
    assert report.last_lines == ("other trouble",)
    assert report.cause == Cause.EXITED


def test_who_stopped_it_is_in_the_events() -> None:
    world = FakeWorld()
    world.events.tell("app.starting", "app/7", now=NOW - 10, pid=123, actor="early")
    world.events.tell("app.stopping", "app/7", now=NOW - 5, actor="ann")
    world.events.tell("app.stopped", "app/7", now=NOW - 4)
    report = explain(instance(7, "web", State.STOPPED, last_exit=Exit(signal=15)), world)
    assert (report.cause, report.text) == (
        Cause.STOPPED,
        "it was stopped by ann; killed by signal 15 (SIGTERM)",
    )


def test_a_user_without_a_name_is_one_of_this_host() -> None:
    world = FakeWorld()
    world.events.tell("app.stopping", "app/7", now=NOW - 5, actor="local")
    report = explain(instance(7, "web", State.STOPPED), world)
    assert report.text == "it was stopped by a user of this host"


@pytest.mark.usefixtures("seam")
@pytest.mark.parametrize("state", [State.BACKOFF, State.STARTING])
async def test_who_waits_is_told_what_is_wrong_with_the_one_it_waits_for(
    state: State, tmp_path: Path, programs: ExitStack
) -> None:
    port = free_port()
    pid = holder(programs, LISTEN, str(port), "127.0.0.1")
    words = ("--bind", "127.0.0.1", str(port))
    web = failed(tmp_path, run_of("http.server", *words), *words, state=state, restarts=3)
    waiting = instance(
        9, "shop", State.WAITING, entry=entry("shop", needs=("web",)), waiting_for=("web to be ready",)
    )
    report = await investigate(waiting, FakeWorld(web, waiting))
    assert report.cause == Cause.WAITING
    assert f"it waits for web to be ready; web is {state}: " in report.text
    assert f"port {port}" in report.text
    assert f"pid {pid}" in report.text
    assert f"ending pid {pid} frees port {port}" in report.next
    assert isinstance(report.conflict, PortConflict)


async def test_investigating_gives_the_same(tmp_path: Path) -> None:
    failing = failed(tmp_path, b"no\n")
    assert await investigate(failing, FakeWorld()) == explain(failing, FakeWorld())


def process_name(report: WhyReport) -> str | None:
    """The name as told: it differs with the interpreter the tests run on."""
    assert report.conflict is not None
    assert (report.conflict.process or "").startswith("python")
    return report.conflict.process
