"""The resolver at the loopback."""

import asyncio
import socket

import pytest

from plugins.vpn import stub
from plugins.vpn.names import Asked, answers
from plugins.vpn.stub import Stub
from tests.support.vpn import named

QUESTION = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x01a\x00\x00\x01\x00\x01"


class Exit:
    """The far end of the stream."""

    def __init__(self, *, there: bool = True, answering: bool = True) -> None:
        self.asked: list[Asked] = []
        self.stub = Stub(self.send)
        self._there, self._answering = there, answering

    def send(self, asked: Asked) -> bool:
        self.asked.append(asked)
        if self._answering and self._there:
            reply = asked._replace(message=named(asked.message))
            asyncio.get_running_loop().call_soon(self.stub.answered, reply)
        return self._there


async def by_udp(port: int, host: str = "127.0.0.1", question: bytes = QUESTION) -> bytes:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, (host, port))
        await loop.sock_sendall(sock, question)
        async with asyncio.timeout(20):
            return await loop.sock_recv(sock, 1000)


async def by_tcp(port: int, *questions: bytes) -> list[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = []
    try:
        async with asyncio.timeout(20):
            for question in questions:
                writer.write(len(question).to_bytes(2, "big") + question)
                got.append(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
    finally:
        writer.close()
    return got


async def test_questions_go_out_and_answers_come_back() -> None:
    far = Exit()
    async with far.stub:
        port = far.stub.port
        for host in ("127.0.0.1", "::1"):
            assert await by_udp(port, host) == named(QUESTION)
        assert await by_tcp(port, QUESTION, QUESTION) == [named(QUESTION)] * 2
    assert [asked.tcp for asked in far.asked] == [False, False, True, True]


async def test_without_a_path_a_program_is_told_at_once() -> None:
    far = Exit(there=False)
    async with far.stub:
        answer = await by_udp(far.stub.port)
        assert answers(answer, QUESTION)
        assert answer[3] & 15 == 2


async def test_an_answer_that_never_comes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stub, "ANSWER_S", 0.05)
    far = Exit(answering=False)
    async with far.stub:
        assert (await by_udp(far.stub.port))[3] & 15 == 2
        far.stub.answered(Asked(far.asked[0].number, False, b""))  # late: nobody waits for it


async def test_one_question_too_many_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    far = Exit()
    async with far.stub:
        monkeypatch.setattr(stub, "MOST", 0)
        far.stub.datagram(QUESTION, lambda answer: pytest.fail("answered"))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await by_tcp(far.stub.port, QUESTION)
    assert far.asked == []


async def test_the_end_waits_for_nobody() -> None:
    far = Exit(answering=False)
    async with asyncio.timeout(5):
        async with far.stub:
            reader, writer = await asyncio.open_connection("127.0.0.1", far.stub.port)
            writer.write(len(QUESTION).to_bytes(2, "big") + QUESTION)
            while not far.asked:
                await asyncio.sleep(0)
        assert await reader.read() == b""
    writer.close()
    far.stub.datagram(QUESTION, lambda answer: pytest.fail("answered"))


async def test_what_is_no_question_is_dropped() -> None:
    far = Exit()
    async with far.stub:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await by_tcp(far.stub.port, b"short")
        far.stub.datagram(b"short", lambda answer: pytest.fail("answered"))
    assert far.asked == []


async def test_a_port_that_cannot_be_had_four_times_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    listen, tries = Stub._listen, []

    async def unlucky(self: Stub) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("in use")
        await listen(self)

    monkeypatch.setattr(Stub, "_listen", unlucky)
    far = Exit()
    async with far.stub:
        assert far.stub.port
    monkeypatch.setattr(stub, "_TRIES", 1)
    tries.clear()
    with pytest.raises(OSError, match="in use"):
        await Exit().stub.__aenter__()


async def test_a_host_without_ipv6_listens_at_the_other_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "AF_INET6", 9999)
    assert not stub._has_ipv6()
