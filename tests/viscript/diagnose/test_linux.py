import fcntl
import os
import socket
import subprocess
from pathlib import Path

from tests.support.wait import eventually
from viscript.diagnose.linux import LinuxHolders


def test_our_own_sockets_are_found_in_our_hands() -> None:
    holders = LinuxHolders()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        for one, protocol in ((server, "tcp"), (datagrams, "udp")):
            port = one.getsockname()[1]
            (found,) = [row for row in holders.bound() if row.port == port and row.protocol == protocol]
            assert found.host == "127.0.0.1"
            assert list(holders.of_socket(found)) == [os.getpid()]


def test_a_connection_is_no_listener() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        ports = {row.port for row in LinuxHolders().bound()}
        assert server.getsockname()[1] in ports
        assert client.getsockname()[1] not in ports


def test_a_locked_file_is_found_in_our_hands(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert list(LinuxHolders().of_path(str(path))) == []
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert list(LinuxHolders().of_path(str(path))) == [os.getpid()]
    assert list(LinuxHolders().of_path(str(path))) == []


def test_a_unix_socket_is_found_in_our_hands(short_tmp: Path) -> None:
    path = str(short_tmp / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert list(LinuxHolders().of_path(path)) == [os.getpid()]


def test_processes_have_names() -> None:
    assert LinuxHolders().name(os.getpid())
    assert LinuxHolders().name(2**30) == ""


def test_an_open_file_without_a_lock_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("w"):
        assert list(LinuxHolders().of_path(str(path))) == []


def test_a_long_name_is_made_whole(tmp_path: Path) -> None:
    program = tmp_path / "a-program-with-a-long-name"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        # The kernel closes the pipe that Popen waits for a moment before it sets the name.
        eventually(lambda: LinuxHolders().name(process.pid) == "a-program-with-a-long-name")
        process.kill()
