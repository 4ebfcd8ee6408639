"""Connections to a listening socket of libzmq that are too many are ended; nobody else's is touched."""

import asyncio
import logging
import socket as plain
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import zmq

from signal_bus.binding import bound_to
from signal_bus.peers import crowd
from signal_bus.peers.crowd import Crowd
from signal_bus.peers.doorman import Doorman
from signal_bus.reactor import Socket
from signal_bus.testing import until


@pytest.fixture
def context() -> Iterator["zmq.Context[Socket]"]:
    made: zmq.Context[Socket] = zmq.Context()
    yield made
    made.destroy(0)


class Place:
    """A listening socket with a doorman."""

    def __init__(self, context: "zmq.Context[Socket]") -> None:
        self.crowd = Crowd(5.0)
        self.socket = context.socket(zmq.ROUTER)
        self.doorman = Doorman(context, self.socket, self.crowd)
        self.socket.bind("tcp://127.0.0.1:*")
        self.port = int(bound_to(self.socket).rpartition(":")[2])
        self.doorman.stands_at(self.port)

    def close(self) -> None:
        self.doorman.close()
        self.socket.close(linger=0)


@pytest.fixture
async def place(context: "zmq.Context[Socket]", monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(crowd, "OF_ONE_MAX", 3)
    made = Place(context)
    yield made
    made.close()


def ended(connection: plain.socket) -> bool:
    """Whether the other side has hung up; what it said before is passed over."""
    try:
        while connection.recv(100):
            continue
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def connect(stack: ExitStack, port: int, address: str = "127.0.0.1") -> plain.socket:
    made = stack.enter_context(plain.create_connection(("127.0.0.1", port), 10, (address, 0)))
    made.setblocking(False)
    return made


async def test_the_fourth_of_one_address_is_ended_and_another_one_is_let_be(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack, caplog.at_level(logging.WARNING):
        many = [connect(stack, place.port) for _ in range(8)]
        await until(lambda: sum(map(ended, many)) == 5)
        other = connect(stack, place.port, "127.0.0.2")
        await until(lambda: len(place.crowd) == 4)
        assert not ended(other)
        assert caplog.text.count("too many connections") == 1
        for one in many:
            one.close()
        await until(lambda: len(place.crowd) == 1)
        again = connect(stack, place.port)
        await until(lambda: len(place.crowd) == 2)
        assert not ended(again)


async def test_a_descriptor_that_is_anothers_by_now_is_not_touched(place: Place) -> None:
    ours, theirs = plain.socketpair()
    with ours, theirs, plain.create_server(("127.0.0.1", 0)) as server, ExitStack() as stack:
        near = connect(stack, server.getsockname()[1])
        far, _ = server.accept()
        with far:
            for number in (ours.fileno(), far.fileno(), server.fileno(), 10_000):
                for _ in range(5):
                    place.doorman._came(number)
            far.send(b"x")
            ours.send(b"y")
            assert theirs.recv(1) == b"y"
            near.settimeout(10)
            assert near.recv(1) == b"x"
    assert place.crowd.turned_away == 0


async def test_a_flood_while_it_is_closed_holds_up_nobody(context: "zmq.Context[Socket]") -> None:
    made = Place(context)
    with ExitStack() as stack:
        for _ in range(300):
            connect(stack, made.port)
        async with asyncio.timeout(10):
            await asyncio.to_thread(made.close)
