"""One end of a route, its leg and group played by the test."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from components.mesh.aead import TAG_BYTES, Cipher
from components.mesh.endtoend import RouteName
from components.mesh.frame import CloseCode, FrameType
from components.visor.plane.end import RouteEnd, State, Told
from components.visor.plane.streams.errors import LimitError, UnitError
from signal_bus.identity import Identity, draw

HELLO = b"unit that says hello"


@dataclass
class FakeLeg:
    pushed: list[tuple[int, bytes]] = field(default_factory=list)

    def push(self, kind: FrameType, payload: bytes = b"") -> bool:
        self.pushed.append((kind, payload))
        return True


@dataclass
class FakeGroup:
    units: list[bytes] = field(default_factory=list)
    out: list[bytes] = field(default_factory=list)
    bad: bool = False

    def more(self, route: int) -> bool:
        return bool(self.out)

    def next_unit(self, route: int, into: memoryview, now: float) -> int:
        if not self.out:
            return 0
        unit = self.out.pop(0)
        into[: len(unit)] = unit
        return len(unit)

    def take_unit(self, route: int, unit: memoryview, now: float) -> None:
        if self.bad:
            raise UnitError("bad")
        self.units.append(bytes(unit))


class Side:
    def __init__(self, identity: Identity, name: RouteName) -> None:
        self.group, self.leg = FakeGroup(), FakeLeg()
        self.opened = self.moved = 0
        self.codes: list[int] = []
        told = Told(opened=self._opened, moved=self._moved, closed=lambda end, code: self.codes.append(code))
        loop: Any = asyncio.get_running_loop()
        group: Any = self.group
        self.end = RouteEnd(loop, identity, name, group, told)
        leg: Any = self.leg
        self.end.installed(leg)

    def _opened(self, end: RouteEnd) -> None:
        self.opened += 1

    def _moved(self, now: float) -> None:
        self.moved += 1

    def pull(self) -> bytes:
        into = memoryview(bytearray(1000))
        return bytes(into[: self.end.pull(into)])

    def take(self, kind: int, payload: bytes) -> None:
        self.end.take(kind, memoryview(payload))


def sides() -> tuple[Side, Side]:
    one, two = Identity(draw()), Identity(draw())
    name = RouteName(one.public_key, two.public_key, bytes(16), 3, Cipher.AES)
    return Side(one, name), Side(two, name)


def shaken() -> tuple[Side, Side]:
    near, far = sides()
    far.take(*near.leg.pushed.pop())
    near.take(*far.leg.pushed.pop())
    return near, far


async def test_the_initiator_is_open_with_the_answer_the_responder_with_the_first_unit() -> None:
    near, far = shaken()
    assert (near.end.state, far.end.state) == (State.OPEN, State.HALF_OPEN)
    assert far.opened == 0
    assert far.pull() == b""
    near.group.out.append(HELLO)
    far.take(FrameType.DATA, near.pull())
    assert (far.end.state, far.group.units, far.opened) == (State.OPEN, [HELLO], 1)
    far.group.out.append(HELLO)
    near.take(FrameType.DATA, far.pull())
    assert near.group.units == [HELLO]
    assert near.moved == far.moved == 2


async def test_a_replayed_first_message_changes_nothing_and_opens_nothing() -> None:
    near, far = sides()
    kind, message = near.leg.pushed[0]
    far.take(kind, message)
    far.take(kind, message)
    assert len(far.leg.pushed) == 1
    assert far.end.state is State.HALF_OPEN


@pytest.mark.parametrize("message", [b"x" * 48, b"x", b"x" * 49])
async def test_a_handshake_that_does_not_fit_closes_the_route(message: bytes) -> None:
    near, far = sides()
    near.take(FrameType.HANDSHAKE, message)
    far.take(FrameType.HANDSHAKE, message)
    assert near.codes == far.codes == [CloseCode.AUTH]
    assert far.end.state is State.OVER


async def test_a_unit_before_the_keys_is_dropped() -> None:
    near, far = sides()
    far.take(FrameType.DATA, bytes(40))
    assert far.codes == []
    near.take(FrameType.DATA, bytes(40))
    assert near.codes == []


@pytest.mark.parametrize("fault", ["forged", "replayed", "skipped", "cut"])
async def test_a_unit_that_does_not_open_closes_the_route(fault: str) -> None:
    near, far = shaken()
    near.group.out += [HELLO, HELLO, HELLO]
    first, second, third = near.pull(), near.pull(), near.pull()
    far.take(FrameType.DATA, first)
    wrong = {
        "forged": second[:-1] + bytes([second[-1] ^ 1]),
        "replayed": first,
        "skipped": third,
        "cut": second[:-1],
    }
    far.take(FrameType.DATA, wrong[fault])
    assert far.codes == [CloseCode.AUTH]
    far.take(FrameType.DATA, second)
    assert far.group.units == [HELLO]
    assert far.pull() == b""


async def test_a_unit_that_makes_no_sense_closes_the_route() -> None:
    near, far = shaken()
    near.group.out.append(HELLO)
    far.group.bad = True
    far.take(FrameType.DATA, near.pull())
    assert far.codes == [CloseCode.AUTH]


async def test_pings_of_the_route_are_answered() -> None:
    near, _ = shaken()
    near.take(FrameType.PING, b"12345678")
    near.take(FrameType.KEEP_ALIVE, b"")
    assert near.leg.pushed == [(FrameType.PONG, b"12345678")]


async def test_a_spent_key_closes_the_route_so_that_another_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    near, _ = shaken()
    monkeypatch.setattr("components.mesh.aead.KEY_LIMIT_MESSAGES", 1)
    near.group.out += [HELLO, HELLO]
    assert len(near.pull()) == len(HELLO) + TAG_BYTES
    assert near.pull() == b""
    assert near.codes == [CloseCode.NORMAL]


async def test_a_route_more_than_a_group_may_have_is_closed_as_busy() -> None:
    near, far = shaken()

    def full(end: RouteEnd) -> None:
        raise LimitError("a group has at most 8 routes")

    far.end._told = Told(opened=full, moved=far._moved, closed=lambda end, code: far.codes.append(code))
    near.group.out.append(HELLO)
    far.take(FrameType.DATA, near.pull())
    assert far.codes == [CloseCode.BUSY]


async def test_closing_twice_tells_once() -> None:
    near, _ = shaken()
    near.end.closed(CloseCode.LINK_LOST)
    near.end.closed(250)
    assert near.codes == [CloseCode.LINK_LOST]
