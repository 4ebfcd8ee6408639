"""Programs that people have go out by SOCKS: two hosts of the mesh, and an outside with public addresses."""

import asyncio
import hashlib
import os
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from python_socks import ProxyError
from python_socks.sync import Proxy

from tests.support.mesh_hosts import Visor
from tests.support.socks_hosts import (
    DNS,
    HTTP,
    PAGE,
    SOCKS,
    WEB,
    WEB6,
    SocksWorld,
    curl,
    ran,
    socks_hosts,
)

pytestmark = pytest.mark.timeout(300)


class Pair:
    """Ann's programs go out at Ben's."""

    def __init__(self, world: SocksWorld, ann: Visor, ben: Visor) -> None:
        self.world = world
        self.ann, self.ben = ann, ben


@pytest.fixture
async def pair(short_tmp: Path) -> AsyncIterator[Pair]:
    async with socks_hosts(short_tmp) as made:
        ann, ben = await made.world.visors("ann", "ben")
        await made.world.link(ann, ben)
        await made.exit(ben)
        await made.client(ann, ben)
        yield Pair(made, ann, ben)


async def test_curl_gets_a_page_in_every_way_it_knows(pair: Pair) -> None:
    ann = pair.ann.host
    for proxy in (f"socks4://{SOCKS}", f"socks5://{SOCKS}"):
        assert await curl(ann, "-x", proxy, f"http://{WEB}/") == (0, PAGE, ""), proxy
    for proxy in (f"socks4a://{SOCKS}", f"socks5h://{SOCKS}"):  # the name is known outside only
        assert await curl(ann, "-x", proxy, "http://web.example/") == (0, PAGE, ""), proxy
    assert await curl(ann, "-p", "-x", f"http://{HTTP}", "http://web.example/") == (0, PAGE, "")
    for place in ("six.example", f"[{WEB6}]"):
        assert await curl(ann, "-x", f"socks5h://{SOCKS}", f"http://{place}/") == (0, PAGE, "")
        assert await curl(ann, "-p", "-x", f"http://{HTTP}", f"http://{place}/") == (0, PAGE, "")


async def test_what_is_private_is_refused_however_it_is_written(pair: Pair) -> None:
    """Also where a name leads there, and addresses of the exit itself."""
    own = pair.ben.host.ends[-1]
    inside = ["127.0.0.1", own, "[::1]", "inside.example", "loop.example", "localhost", "127.1"]
    inside += ["0x7f000001", "[::ffff:127.0.0.1]", f"[::ffff:{own}]", "[64:ff9b::7f00:1]"]
    inside += ["[2002:7f00:1::]", "[::127.0.0.1]"]
    for place in inside:
        code, body, said = await curl(pair.ann.host, "-x", f"socks5h://{SOCKS}", f"http://{place}:9/")
        assert (code, body) == (97, b""), f"{place}: {said}"
        code, body, said = await curl(pair.ann.host, "-p", "-x", f"http://{HTTP}", f"http://{place}:9/")
        assert body == b"", place
        assert "403" in said, f"{place}: {said}"


async def test_downloads_are_whole_one_by_one_and_many_at_once(pair: Pair) -> None:
    data = os.urandom(3_000_000)
    (pair.world.outside.folder / "blob").write_bytes(data)
    whole = hashlib.sha256(data).digest()
    for count in (1, 8, 64):
        words = ("-x", f"socks5h://{SOCKS}", "http://web.example/blob")
        got = await asyncio.gather(*(curl(pair.ann.host, *words) for _ in range(count)))
        assert {(code, hashlib.sha256(body).digest(), said) for code, body, said in got} == {(0, whole, "")}
    urls = [word for _ in range(50) for word in ("-H", "Connection: close", f"http://{WEB}/blob")]
    code, body, said = await curl(pair.ann.host, "-x", f"socks5://{SOCKS}", *urls)
    assert (code, hashlib.sha256(body).digest(), said) == (0, hashlib.sha256(data * 50).digest(), "")


async def test_python_socks_goes_out_and_is_told_why_not(pair: Pair) -> None:
    def page(scheme: str, name: str) -> bytes:
        with pair.ann.host.entered():
            place = HTTP if scheme == "http" else SOCKS
            proxy = Proxy.from_url(f"{scheme}://{place}", rdns=True)
            with proxy.connect(name, 80, timeout=60) as sock:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return sock.makefile("rb").read()

    for scheme in ("socks4", "socks5", "http"):
        assert (await asyncio.to_thread(page, scheme, "web.example")).endswith(PAGE), scheme
    with pytest.raises(ProxyError, match="not allowed"):
        await asyncio.to_thread(page, "socks5", "inside.example")


async def test_a_browser_loads_a_page(pair: Pair, short_tmp: Path) -> None:
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    words += ["--disable-background-networking", f"--user-data-dir={short_tmp / 'profile'}"]
    words += [f"--proxy-server=socks5://{SOCKS}", "--dump-dom", "http://web.example/"]
    code, page, said = await ran(pair.ann.host, "chromium", *words, deadline_s=200)
    assert code == 0, said
    assert b"System is working!" in page


async def test_ssh_goes_through_both_ports(pair: Pair, short_tmp: Path) -> None:
    key = pair.world.outside.ssh(short_tmp)
    for kind, place in (("5", SOCKS), ("connect", HTTP)):
        code, out, said = await ran(
            pair.ann.host, "ssh", "-F", "none", "-i", str(key), "-o", "BatchMode=yes",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", f"ProxyCommand=nc -X {kind} -x {place} %h %p", "root@web.example", "echo hello; exit 7",
        )  # fmt: skip
        assert (code, out) == (7, b"hello\n"), said


def question(name: str) -> bytes:
    """A DNS question for an A record."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"


def asked(host_port: tuple[str, int], name: str) -> bytes:
    """The resolver's answer by UDP ASSOCIATE."""
    with socket.create_connection(host_port, timeout=60) as tcp:
        tcp.sendall(b"\x05\x01\x00\x05\x03\x00\x01" + bytes(6))
        reply = tcp.recv(2) + tcp.recv(10)
        assert reply[:4] == b"\x05\x00\x05\x00"
        relay = (socket.inet_ntoa(reply[6:10]), struct.unpack(">H", reply[10:])[0])
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.settimeout(60)
            udp.sendto(b"\x00\x00\x00\x01" + socket.inet_aton(DNS) + b"\x00\x35" + question(name), relay)
            return udp.recv(2000)


async def test_a_question_to_a_resolver_goes_out_as_a_datagram(pair: Pair) -> None:
    def ask() -> bytes:
        with pair.ann.host.entered():
            return asked(("127.0.0.1", 1080), "web.example")

    answer = await asyncio.to_thread(ask)
    assert answer.startswith(b"\x00\x00\x00\x01" + socket.inet_aton(DNS) + b"\x00\x35\x12\x34")
    assert answer.endswith(socket.inet_aton(WEB))
