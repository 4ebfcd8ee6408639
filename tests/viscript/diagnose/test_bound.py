import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.diagnose.bound import Bound, parse_table, parse_unix


def test_our_listeners_are_in_the_tables() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        tables = {
            name: list(parse_table(name, Path("/proc/net", name).read_text()))
            for name in ("tcp", "tcp6", "udp")
        }
        ports = {name: {(one.host, one.port) for one in rows} for name, rows in tables.items()}
        assert ("127.0.0.1", four.getsockname()[1]) in ports["tcp"]
        assert ("::1", six.getsockname()[1]) in ports["tcp6"]
        assert ("127.0.0.1", datagrams.getsockname()[1]) in ports["udp"]


def test_a_named_socket_is_in_the_table(short_tmp: Path) -> None:
    path = str(short_tmp / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        assert path not in {one.path for one in parse_unix(Path("/proc/net/unix").read_text())}
        server.listen()
        assert path in {one.path for one in parse_unix(Path("/proc/net/unix").read_text())}


@pytest.mark.parametrize(
    "holder, wanted, clashes",
    [
        ("0.0.0.0", "127.0.0.1", True),
        ("::", "127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("127.0.0.1", None, True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "localhost", True),
        ("::1", "localhost", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("10.0.0.1", "localhost", False),
        ("10.0.0.1", "myhost", True),
    ],
)
def test_addresses_clash_where_one_covers_the_other(holder: str, wanted: str | None, clashes: bool) -> None:
    bound = Bound("tcp", holder, 8000, 1)
    assert bound.clashes(8000, wanted) is clashes
    assert not bound.clashes(8001, wanted)


@given(st.sampled_from(["tcp", "tcp6", "udp", "udp6"]), st.text(max_size=200))
def test_garbage_gives_no_rows(protocol: str, text: str) -> None:
    list(parse_table(protocol, "head\n" + text))
    list(parse_unix("head\n" + text))


def test_rows_with_bad_addresses_are_passed_over() -> None:
    row = "0: {} 00000000:0000 0A 0:0 0:0 0 0 0 99 1"
    for address in ("zz:50", "0100007F:zz", "01:50", "0100007F"):
        assert list(parse_table("tcp", "head\n" + row.format(address))) == []
    (good,) = parse_table("tcp", "head\n" + row.format("0100007F:1F40"))
    assert (good.host, good.port, good.inode) == ("127.0.0.1", 8000, 99)
