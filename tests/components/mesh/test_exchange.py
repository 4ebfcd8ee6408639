"""Requests in threads: connections kept and cut, answers of any form, and nothing left behind."""

import asyncio
import datetime as dt
import http.client
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.mesh import exchange as module
from components.mesh.errors import CallerError
from components.mesh.exchange import Exchange, NotConnected, Request

GET = Request("GET", "/x", b"", {})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request on a connection by the next of `answers`; hangs up when there is none."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.heads: list[bytes] = []
        self.ended = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answers.pop(0))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
        finally:
            writer.close()


@asynccontextmanager
async def serving(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    made = await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=tls)
    async with made:
        yield made.sockets[0].getsockname()[1]


@asynccontextmanager
async def asking(server: Server, timeout_s: float = 10.0) -> AsyncIterator[Exchange]:
    async with serving(server) as port:
        made = Exchange(f"http://127.0.0.1:{port}/api", timeout_s)
        try:
            yield made
        finally:
            made.close()


async def eventually(probe: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not probe():
            await asyncio.sleep(0.005)


async def test_a_connection_is_kept_for_the_next_request() -> None:
    server = Server(OK, OK, OK)
    async with asking(server) as exchange:
        for _ in range(3):
            assert await exchange.ask(GET, 100) == (200, b"ok")
    assert server.connections == 1
    assert server.heads[0].startswith(b"GET /api/x HTTP/1.1\r\n")


async def test_what_is_kept_long_enough_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_S", 0.02)
    server = Server(OK, OK)
    async with asking(server) as exchange:
        await exchange.ask(GET, 100)
        async with asyncio.timeout(10):
            await server.ended.wait()
        assert exchange._kept == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
)
async def test_an_answer_is_whole_in_each_form(answer: bytes) -> None:
    async with asking(Server(answer)) as exchange:
        assert await exchange.ask(GET, 100) == (200, b"ok")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_none_is_told_and_its_connection_closed(answer: bytes) -> None:
    before = psutil.Process().num_fds()
    async with asking(Server(answer)) as exchange:
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            await exchange.ask(GET, 100)
        assert exchange._kept == []
    await eventually(lambda: psutil.Process().num_fds() <= before)


async def test_of_an_endless_answer_a_bounded_part_is_read_and_the_connection_not_used_again() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000, OK)
    async with asking(server) as exchange:
        status, body = await exchange.ask(GET, 100)
        assert (status, len(body), exchange._kept) == (200, 101, [])


async def test_who_stops_waiting_leaves_no_thread_at_it_and_no_socket() -> None:
    before = psutil.Process().num_fds()
    server = Server(b"HTTP/1.1 200 OK\r\n", OK)  # and then nothing for ever
    async with asking(server, timeout_s=600) as exchange:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await exchange.ask(GET, 100)
        await eventually(lambda: module._threads._work_queue.empty() and _idle())
    await eventually(lambda: psutil.Process().num_fds() <= before)


def _idle() -> bool:
    """Whether a thread of the pool takes the next thing at once."""
    return module._threads.submit(lambda: True).result(5)


async def test_no_more_than_a_few_ask_one_service_at_once() -> None:
    server = Server(*[b"HTTP/1.1 200 OK\r\n"] * 100)
    async with asking(server) as exchange, asyncio.TaskGroup() as group:
        tasks = [group.create_task(exchange.ask(GET, 1)) for _ in range(module.CONNECTIONS + 3)]
        await eventually(lambda: server.connections == module.CONNECTIONS)
        for task in tasks:
            task.cancel()
    assert server.connections == module.CONNECTIONS


async def test_what_comes_back_after_the_end_is_not_kept_and_nobody_asks_any_more() -> None:
    exchange = Exchange("http://127.0.0.1:1", 1.0)
    exchange.close()
    with pytest.raises(CallerError, match="after the end"):
        await exchange.ask(GET, 100)
    wire = module._Wire("http://127.0.0.1:1", 1.0)
    with socket.socket() as sock:
        wire._http.sock = sock
        exchange._keep(wire)
    assert (exchange._kept, wire.usable) == ([], False)


async def test_nobody_there_is_told_as_the_system_says_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid:1"):
        with pytest.raises(NotConnected) as caught:
            await Exchange(url, 5.0).ask(GET, 1)
        assert isinstance(caught.value.why, OSError)


async def test_the_second_address_is_tried_where_the_first_takes_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(OK)
    async with serving(server) as port:
        with socket.create_server(("127.0.0.1", 0)) as holder:
            gone = holder.getsockname()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in (gone, ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **more: found)
        exchange = Exchange(f"http://two:{port}", 5.0)
        assert await exchange.ask(GET, 10) == (200, b"ok")
        exchange.close()


async def test_a_request_that_is_cut_before_its_thread_begins_dials_nobody() -> None:
    wire = module._Wire("http://127.0.0.1:1", 1.0)
    wire.cut()
    with pytest.raises(NotConnected, match="nobody waits"):
        wire.exchange(GET, 1)


async def test_a_target_with_a_line_end_is_not_sent() -> None:
    server = Server(OK)
    async with asking(server) as exchange:
        with pytest.raises((ValueError, http.client.InvalidURL)):
            await exchange.ask(Request("GET", "/\r\nX: y", b"", {}), 1)
    assert server.heads == []


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for `localhost`, and the certificate that proves it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    proof = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "cert.pem", folder / "key.pem"
    file.write_bytes(proof.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file


async def test_https_is_spoken_with_those_whose_certificate_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, proof = certified(tmp_path)
    async with serving(Server(OK, OK), context) as port:
        exchange = Exchange(f"https://localhost:{port}", 10.0)
        with pytest.raises(NotConnected, match="certificate"):
            await exchange.ask(GET, 10)
        monkeypatch.setenv("SSL_CERT_FILE", str(proof))
        assert await exchange.ask(GET, 10) == (200, b"ok")
        exchange.close()


def test_threads_are_bounded() -> None:
    assert module._threads._max_workers == module.THREADS
    assert threading.active_count() < module.THREADS + 20
