import socket
import threading
from contextlib import closing

import pytest

from viscript.demo.fetch import page
from viscript.prove.verdict import BrokenPromise

TARGET = ("127.0.0.1", 80)
GOOD = (b"\x05\x00", b"\x05\x00\x00\x01" + bytes(6))


def proxy(*answers: bytes) -> tuple[tuple[str, int], threading.Thread]:
    """Says these in turn, one for each message, and hangs up."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with closing(server), server.accept()[0] as door:
            for answer in answers:
                door.recv(4096)
                door.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return server.getsockname(), thread


def fetched(*answers: bytes) -> str:
    address, thread = proxy(*answers)
    try:
        return page(address, TARGET)
    finally:
        thread.join(10)


def test_a_page_comes_through() -> None:
    assert fetched(*GOOD, b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nhello\n") == "hello"


@pytest.mark.parametrize(
    "answers, text",
    [
        ((b"\x05\xff",), "wants a login"),
        ((b"\x05",), "hung up"),
        ((GOOD[0], b"\x05\x05\x00\x01" + bytes(6)), "the proxy answers 5"),
        ((*GOOD, b"HTTP/1.0 404 Not Found\r\n\r\n"), "404"),
    ],
)
def test_what_goes_wrong_is_told(answers: tuple[bytes, ...], text: str) -> None:
    with pytest.raises(BrokenPromise, match=text):
        fetched(*answers)


def test_a_proxy_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(BrokenPromise, match=f"the proxy at 127.0.0.1:{address[1]}"):
        page(address, TARGET)
