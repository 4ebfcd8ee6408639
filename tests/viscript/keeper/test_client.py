"""The plain client, against a keeper played by the test."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from viscript.keeper.client import KeeperClient, KeeperGoneError
from viscript.keeper.protocol import Refusal, answer, encode, refusal

Play = Callable[[Callable[[socket.socket], None]], KeeperClient]


@pytest.fixture
def play(short_tmp: Path) -> Iterator[Play]:
    """Play a keeper: the function gets the connection after the first line came."""
    threads: list[threading.Thread] = []
    clients: list[KeeperClient] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(short_tmp / "s"))
    listener.listen()

    def start(act: Callable[[socket.socket], None]) -> KeeperClient:
        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(4096)
                act(sock)

        threads.append(threading.Thread(target=serve))
        threads[0].start()
        clients.append(KeeperClient(str(short_tmp / "s"), timeout=5))
        return clients[0]

    yield start
    for client in clients:
        client.close()
    for thread in threads:
        thread.join()
    listener.close()


def say_and_stay(sock: socket.socket, data: bytes) -> None:
    """Speak, and hang up only when the client does."""
    sock.sendall(data)
    sock.settimeout(10)
    sock.recv(1)


def test_answers_find_their_requests_and_events_are_kept(play: Play) -> None:
    event = {"ev": "out", "seq": 7}
    said = encode(event) + encode(answer(1, {"pid": 5})) + encode(event)
    client = play(lambda sock: say_and_stay(sock, said))
    assert client.request("launch") == {"pid": 5}
    assert client.event("out", seq=7) == event
    assert client.events(0.1) == [event]
    client.close()


def test_a_refusal_is_raised(play: Play) -> None:
    client = play(lambda sock: sock.sendall(encode(refusal(1, "exists", "7 runs"))))
    with pytest.raises(Refusal, match="7 runs"):
        client.request("launch")


def test_a_keeper_that_hangs_up_is_told(play: Play) -> None:
    client = play(lambda sock: None)
    with pytest.raises(KeeperGoneError, match="hung up"):
        client.request("ping")


def test_a_keeper_that_says_nothing_is_given_up(play: Play) -> None:
    client = play(lambda sock: say_and_stay(sock, b""))
    client.timeout = 0.1
    with pytest.raises(KeeperGoneError, match="in time"):
        client.request("ping")
    with pytest.raises(KeeperGoneError, match="no out"):
        client.event("out", timeout=0.05)
