import asyncio
import os
from collections.abc import Callable, Iterator
from typing import cast

import pytest
import zmq

from signal_bus.limits import DRAIN_MESSAGES
from signal_bus.reactor import Channel, Sent, Socket
from signal_bus.testing import until

Make = Callable[[int], Socket]


@pytest.fixture
def make() -> Iterator[Make]:
    """Sockets of one context, all closed after the test."""
    context: zmq.Context[Socket] = zmq.Context()
    made: list[Socket] = []

    def socket(kind: int) -> Socket:
        made.append(context.socket(kind))
        return made[-1]

    yield socket
    for one in made:
        one.close(linger=0)
    context.term()


def pair(make: Make) -> tuple[Socket, Socket]:
    left, right = make(zmq.PAIR), make(zmq.PAIR)
    left.bind("inproc://pair")
    right.connect("inproc://pair")
    return left, right


async def test_every_message_of_a_flood_is_taken_and_others_get_their_turn(make: Make) -> None:
    left, right = pair(make)
    taken: list[bytes] = []
    channel = Channel(left, lambda socket: taken.append(socket.recv(zmq.NOBLOCK)))
    for number in range(10 * DRAIN_MESSAGES):
        right.send(b"%d" % number, zmq.NOBLOCK)
    turns = 0
    while len(taken) < 10 * DRAIN_MESSAGES:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 10
    assert taken == [b"%d" % number for number in range(10 * DRAIN_MESSAGES)]
    channel.close()


async def test_a_socket_that_many_share_takes_as_much_at_a_stretch_as_several(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal_bus.reactor.TURN_S", 60.0)
    left, right = pair(make)
    taken: list[bytes] = []
    for number in range(5 * DRAIN_MESSAGES):
        right.send(b"%d" % number, zmq.NOBLOCK)
    channel = Channel(left, lambda socket: taken.append(socket.recv(zmq.NOBLOCK)), turns=4)
    await asyncio.sleep(0)
    assert len(taken) == 4 * DRAIN_MESSAGES
    await until(lambda: len(taken) == 5 * DRAIN_MESSAGES)
    channel.close()


async def test_messages_that_were_there_before_are_taken(make: Make) -> None:
    left, right = pair(make)
    right.send(b"early")
    taken: list[bytes] = []
    channel = Channel(left, lambda socket: taken.append(socket.recv(zmq.NOBLOCK)))
    await until(lambda: taken == [b"early"])
    channel.close()


async def test_two_that_answer_each_other_never_miss_an_edge(make: Make) -> None:
    left, right = pair(make)
    count = 0

    def back(channel: list[Channel], socket: Socket) -> None:
        nonlocal count
        data = socket.recv(zmq.NOBLOCK)
        count += 1
        if count < 2000:
            channel[0].send((data,))

    one: list[Channel] = []
    two: list[Channel] = []
    one.append(Channel(left, lambda socket: back(one, socket)))
    two.append(Channel(right, lambda socket: back(two, socket)))
    one[0].send((b"ball",))
    await until(lambda: count >= 2000)
    one[0].close()
    two[0].close()


async def test_a_bug_in_a_handler_costs_one_message(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    left, right = pair(make)
    taken: list[bytes] = []

    def take(socket: Socket) -> None:
        data = socket.recv(zmq.NOBLOCK)
        if data == b"bad":
            raise RuntimeError("a bug")
        taken.append(data)

    channel = Channel(left, take)
    for data in (b"one", b"bad", b"two"):
        right.send(data)
    await until(lambda: taken == [b"one", b"two"])
    assert "could not be handled" in caplog.text
    channel.close()


async def test_a_full_queue_and_a_missing_peer_are_told_at_once(make: Make) -> None:
    socket = make(zmq.PAIR)
    socket.sndhwm = 1
    socket.bind("inproc://nobody")
    channel = Channel(socket, lambda socket: taken_nothing(socket))
    assert channel.send((b"x",)) is Sent.FULL
    router = make(zmq.ROUTER)
    router.router_mandatory = 1
    missing = Channel(router, lambda socket: taken_nothing(socket))
    assert missing.send((b"who", b"x")) is Sent.GONE
    channel.close()
    missing.close()
    assert missing.send((b"who", b"x")) is Sent.GONE


def taken_nothing(socket: Socket) -> None:
    socket.recv(zmq.NOBLOCK)


async def test_a_handler_may_close_its_own_channel(make: Make) -> None:
    left, right = pair(make)
    made: list[Channel] = []

    def take(socket: Socket) -> None:
        socket.recv(zmq.NOBLOCK)
        made[0].close()

    made.append(Channel(left, take))
    right.send(b"one")
    right.send(b"two")
    await until(lambda: made[0].closed)


class ForgetfulSocket:
    """Like libzmq in a long turn: it hears what the peer has read only when it is asked for its events."""

    closed = False

    def __init__(self, descriptor: int) -> None:
        self.fd = descriptor
        self.room = 1
        self.sent: list[bytes] = []

    def send(self, frame: bytes, flags: int) -> None:
        if self.room == 0:
            raise zmq.Again
        self.room -= 0 if flags & zmq.SNDMORE else 1
        self.sent.append(frame)

    def getsockopt(self, option: int) -> int:
        self.room = 1
        return 0

    def close(self, linger: int) -> None:
        self.closed = True


async def test_a_peer_that_reads_is_not_taken_for_full() -> None:
    reading, writing = os.pipe()
    socket = ForgetfulSocket(reading)
    channel = Channel(cast(Socket, socket), taken_nothing)
    for _ in range(3):
        assert channel.send((b"who", b"x")) is Sent.OK
    assert socket.sent == [b"who", b"x"] * 3
    channel.close()
    os.close(reading)
    os.close(writing)
