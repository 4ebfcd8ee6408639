"""One look at an app, at real ports and with real commands: yes, or why not."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from viscript.config.model import Check
from viscript.supervisor.probes import Probe, _fault, address_of, probe_for


def probe(check: Check, *, cwd: str = "/", env: Mapping[str, str] | None = None) -> Probe:
    found = probe_for(check, cwd=cwd, env=env or {})
    assert found is not None
    return found


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[int]:
    """A port; with None nobody ever answers there."""
    done, busy = asyncio.Event(), set[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            if answer is None:
                await done.wait()
            else:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
            writer.close()
            await writer.wait_closed()
        writer.close()
        busy.discard(writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        yield running.sockets[0].getsockname()[1]
        done.set()
    while busy:
        await asyncio.sleep(0)


@pytest.fixture
async def closed_port() -> int:
    async with server(b"") as port:
        return port


@pytest.mark.parametrize("check", [Check(signal=True), Check(notify=True), Check(log="x"), Check(settle=1.0)])
def test_what_reports_itself_is_not_asked(check: Check) -> None:
    assert probe_for(check, cwd="/", env={}) is None


async def test_a_port_that_is_open_is_well() -> None:
    async with server(b"") as port:
        assert await probe(Check(tcp=f"127.0.0.1:{port}"))() is None


async def test_a_port_that_is_closed_is_named_in_the_systems_words(closed_port: int) -> None:
    found = await probe(Check(tcp=f"127.0.0.1:{closed_port}"))()
    assert found == f"tcp 127.0.0.1:{closed_port}: Connection refused"


async def test_a_host_with_two_addresses_is_told_in_the_same_words(closed_port: int) -> None:
    found = await probe(Check(tcp=f"localhost:{closed_port}"))()
    assert found == f"tcp localhost:{closed_port}: Connection refused"


async def test_a_connection_that_does_not_come_about_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(host: str, port: int) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "open_connection", never)
    assert await probe(Check(tcp="127.0.0.1:1", timeout=0.01))() == "tcp 127.0.0.1:1: no answer in 0.01 s"


@pytest.mark.parametrize(
    "fault,words",
    [
        (OSError(111, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 113] x"),
            "Connection refused",
        ),
        (OSError(-2, "Name or service not known"), "Name or service not known"),
        (OSError("something else"), "something else"),
    ],
)
def test_faults_are_told_in_the_systems_words(fault: OSError, words: str) -> None:
    assert _fault(fault) == words


@pytest.mark.parametrize("status,well", [(200, True), (204, True), (302, True), (404, False), (500, False)])
async def test_a_page_is_judged_by_its_status(status: int, well: bool) -> None:
    async with server(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        url = f"http://127.0.0.1:{port}/health?deep=1"
        found = await probe(Check(http=url))()
    assert found == (None if well else f"http {url}: status {status}")


async def test_a_page_that_is_no_http_is_not_well() -> None:
    async with server(b"hello\r\n\r\n") as port:
        found = await probe(Check(http=f"http://127.0.0.1:{port}"))()
    assert found is not None
    assert found.startswith(f"http http://127.0.0.1:{port}: ")


async def test_a_page_that_is_never_answered_is_given_up() -> None:
    async with server(None) as port:
        found = await probe(Check(http=f"http://127.0.0.1:{port}/", timeout=0.05))()
    assert found is not None
    assert "timed out" in found


async def test_a_page_without_a_server_is_not_well(closed_port: int) -> None:
    found = await probe(Check(http=f"http://127.0.0.1:{closed_port}/"))()
    assert found is not None
    assert "refused" in found


async def test_a_page_over_tls_that_speaks_none_is_not_well() -> None:
    async with server(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        found = await probe(Check(http=f"https://127.0.0.1:{port}/", timeout=0.5))()
    assert found is not None


async def test_a_command_is_judged_by_its_code(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    look = (sys.executable, "-S", "-c", "import os; os._exit(3 if os.environ.get('BAD') else 0)")
    assert await probe(Check(exec=("/usr/bin/test", "-e", "here"), timeout=20.0), cwd=str(tmp_path))() is None
    found = await probe(Check(exec=look, timeout=20.0), env={"BAD": "1"})()
    assert found == f"exec {sys.executable}: exit status 3"


async def test_a_command_that_is_missing_is_named() -> None:
    found = await probe(Check(exec=("/nonexistent/check",)))()
    assert found == "exec /nonexistent/check: No such file or directory"


async def test_a_command_that_a_signal_ended_says_which() -> None:
    kill = ("/bin/sh", "-c", "kill -9 $$")
    assert await probe(Check(exec=kill, timeout=20.0))() == "exec /bin/sh: killed by signal 9 (SIGKILL)"


async def test_a_command_that_hangs_is_given_up() -> None:
    looking = probe(Check(exec=("/bin/sleep", "60"), timeout=0.05))
    assert await looking() == "exec /bin/sleep: not done in 0.05 s"


@pytest.mark.parametrize(
    "check,address",
    [
        (Check(tcp="127.0.0.1:80"), ("127.0.0.1", 80)),
        (Check(tcp=":80"), ("127.0.0.1", 80)),
        (Check(http="http://localhost:8080/x"), ("localhost", 8080)),
        (Check(http="http://[::1]/x"), ("::1", 80)),
        (Check(http="https://example.com/"), ("example.com", 443)),
        (Check(exec=("true",)), None),
        (Check(signal=True), None),
    ],
)
def test_where_a_check_connects_to(check: Check, address: tuple[str, int] | None) -> None:
    assert address_of(check) == address
