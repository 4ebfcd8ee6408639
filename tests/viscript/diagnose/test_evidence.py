import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.diagnose.evidence import address_in_use, denied, lock_taken, paths_in, ports_in

COMPLAINTS = [
    ("OSError: [Errno 98] Address already in use", []),
    (
        "[Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
        [("127.0.0.1", 8000)],
    ),
    ("Error: listen EADDRINUSE: address already in use :::3000", [("::", 3000)]),
    ("Error: listen EADDRINUSE: address already in use 127.0.0.1:3000", [("127.0.0.1", 3000)]),
    ("listen tcp :8080: bind: address already in use", [(None, 8080)]),
    ("listen tcp 0.0.0.0:8080: bind: address already in use", [("0.0.0.0", 8080)]),
    ("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", [("0.0.0.0", 80)]),
    ("nginx: [emerg] bind() to [::]:80 failed (98: Address already in use)", [("::", 80)]),
    ("Could not create server TCP listening socket *:6379: bind: Address already in use", [("*", 6379)]),
    ('Address already in use - bind(2) for "127.0.0.1" port 3000 (Errno::EADDRINUSE)', [(None, 3000)]),
    ("Port 5000 is in use by another program.", [(None, 5000)]),
    ("Web server failed to start. Port 8080 was already in use.", [(None, 8080)]),
    ("[ERROR] Connection in use: ('127.0.0.1', 8000)", [("127.0.0.1", 8000)]),
    ("Bind for 0.0.0.0:5432 failed: port is already allocated", None),
]


@pytest.mark.parametrize("line, ports", [one for one in COMPLAINTS if one[1] is not None])
def test_complaints_of_an_address_are_understood(line: str, ports: list[tuple[str | None, int]]) -> None:
    assert address_in_use(["fine", line]) == [line]
    assert list(dict.fromkeys(ports_in(line))) == ports


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-21 12:30:45 started",
        "12:30:45.123 INFO ready",
        'File "main.py", line 456, in run',
        "main.c:120: warning",
        "ratio 3:80:2",
        "version 1.2:3.4",
        "port 70000",
        "aa:bb:80:dd",
    ],
)
def test_other_numbers_are_no_ports(line: str) -> None:
    assert list(ports_in(line)) == []


def test_a_port_of_the_mesh_is_none_of_this_host() -> None:
    assert address_in_use(["skychat: mesh port 1 is in use by the app skychat (id 15); choose another"]) == []


@pytest.mark.parametrize(
    "line",
    [
        "[Errno 11] Resource temporarily unavailable",
        "BlockingIOError: [Errno 11] Resource temporarily unavailable: '/var/lib/x.lock'",
        "sqlite3.OperationalError: database is locked",
        "cannot acquire lock on /tmp/x",
        "lock file /run/x.lock already exists",
        "pidfile /run/x.pid exists",
        "Another instance is running",
    ],
)
def test_complaints_of_a_lock_are_understood(line: str) -> None:
    assert lock_taken([line, "fine"]) == [line]


@pytest.mark.parametrize(
    "line", ["bash: fork: retry: Resource temporarily unavailable", "blocked by a door", "clock"]
)
def test_other_shortages_are_no_locks(line: str) -> None:
    assert lock_taken([line]) == []


def test_refused_permissions_are_understood() -> None:
    line = "PermissionError: [Errno 13] Permission denied: '/etc/shadow'"
    assert denied([line, "fine"]) == [line]


def test_paths_are_found() -> None:
    assert paths_in("cannot lock '/var/lib/my app/x.lock': held") == ["/var/lib/my"]
    assert paths_in('lock /run/a-b.pid, then "/tmp/c.lock".') == ["/run/a-b.pid", "/tmp/c.lock"]
    assert paths_in("http://host/path and a/b") == []


@given(st.text(max_size=300))
def test_any_line_is_survived(line: str) -> None:
    for port in ports_in(line):
        assert 0 < port[1] < 65536
    address_in_use([line]), lock_taken([line]), denied([line]), paths_in(line)


def test_a_huge_line_is_looked_at_quickly() -> None:
    for line in (
        "a" * 5_000_000,
        "1:" * 2_000_000,
        "/a" * 2_000_000,
        "lock" * 1_000_000,
        "cannot " * 500_000,
    ):
        list(ports_in(line)), paths_in(line), lock_taken([line]), address_in_use([line]), denied([line])
