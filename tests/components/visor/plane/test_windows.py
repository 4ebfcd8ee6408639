"""Windows of thousands of routes: what is promised never exceeds the limit, and nobody stands still."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.plane.credit import Allowed, Granted
from components.visor.plane.limits import (
    HOP_BUDGET,
    HOP_FIRST,
    HOP_WINDOW,
    HOP_WINDOW_LEAST,
    RETURN_LOOKS,
    STILL_LOOKS,
)
from components.visor.plane.windows import Windows

FRAME = 65_535
KIB = 1024


class Leg:
    """One route at the receiver, and at its neighbour; what is under way between them keeps its order."""

    def __init__(self) -> None:
        self.granted = Granted()
        self.allowed = Allowed()
        self.to_send: deque[int] = deque()
        self.there: deque[tuple[str, int]] = deque()  # to the receiver
        self.back: deque[tuple[str, int]] = deque()


class World:
    """A receiver with many legs, whose payload goes on at once."""

    def __init__(self, limit: int = HOP_BUDGET) -> None:
        self.windows: Windows[Leg] = Windows(limit)
        self.legs: list[Leg] = []

    def open(self, count: int) -> list[Leg]:
        made = []
        for _ in range(count):
            assert self.windows.open()
            made.append(Leg())
        self.legs += made
        return made

    # What the router does.

    def credit(self, legs: list[Leg]) -> None:
        for leg in legs:
            if leg.granted.recalled:
                continue
            self.credit(self.windows.settle(leg))
            self.windows.want(leg)
            leg.back.append(("credit", leg.granted.renew()))

    def look(self, *, hurried: bool = False) -> None:
        recalled, dead = self.windows.look()
        assert hurried or not dead
        for leg in recalled:
            leg.back.append(("recall", leg.granted.recall()))

    def take(self, leg: Leg) -> None:
        kind, value = leg.there.popleft()
        if kind == "data":
            assert leg.granted.take(value), "more than was allowed"
            if leg.granted.done(value):
                self.credit([leg])
        elif kind == "want":
            if self.windows.want(leg):
                self.credit([leg])
        else:
            served = self.windows.returned(leg, value)
            assert served is not None
            self.credit(served)
            if leg.granted.done(0):
                self.credit([leg])

    # What the neighbour does.

    def send(self, leg: Leg) -> bool:
        if not leg.to_send:
            return False
        size, allowed = leg.to_send[0], leg.allowed
        if size > allowed.room:
            if not allowed.wide and not allowed.asked:
                allowed.asked = True
                leg.there.append(("want", allowed.sent + size))
                return True
            return False
        leg.to_send.popleft()
        allowed.sent += size
        leg.there.append(("data", size))
        return True

    def hear(self, leg: Leg) -> None:
        kind, value = leg.back.popleft()
        if kind == "credit":
            leg.allowed.told(value)
        else:
            leg.there.append(("return", leg.allowed.recalled(value)))

    def step(self, leg: Leg) -> bool:
        moved = self.send(leg)
        if leg.there:
            self.take(leg)
            moved = True
        if leg.back:
            self.hear(leg)
            moved = True
        return moved

    def settle(self, legs: list[Leg]) -> None:
        while sum(self.step(leg) for leg in legs):
            pass

    def check(self) -> None:
        promised = sum(leg.granted.promised for leg in self.legs)
        charged = sum(leg.granted.charge for leg in self.legs)
        assert promised <= charged == self.windows.limit - self.windows.left <= self.windows.limit


def test_five_thousand_idle_routes_through_one_middle_leave_room_for_those_in_use() -> None:
    world = World()
    legs = world.open(2 * 5_000)
    world.check()
    busy = legs[::97]
    for leg in busy:
        leg.to_send.extend([FRAME] * 50)
    for _ in range(20):
        world.settle(busy)
        world.look()
        world.check()
    assert not any(leg.to_send for leg in busy)
    assert len(busy) > 100


def test_a_thousand_routes_that_all_have_much_have_their_turns() -> None:
    world = World()
    legs = world.open(1_000)
    for leg in legs:
        leg.to_send.extend([FRAME] * 5)
    looks = 0
    while any(leg.to_send for leg in legs):
        world.settle(legs)
        world.check()
        world.look()
        looks += 1
        assert looks < 30, "some stood still"


def test_windows_that_stand_still_are_recalled_only_when_little_is_left() -> None:
    world = World(4 * HOP_WINDOW)
    first, *others = world.open(14)
    for leg in (first, *others[:2]):
        leg.to_send.append(FRAME)
    world.settle(world.legs)
    wide = world.windows.left
    for _ in range(STILL_LOOKS + 2):
        world.look()
        world.settle(world.legs)
    assert world.windows.left == wide
    for leg in others[2:]:
        leg.to_send.extend([FRAME] * 8)
    for _ in range(20):
        world.settle(world.legs)
        for leg in others[2:]:
            leg.to_send.extend([FRAME] * 8)
        world.look()
        world.check()
    assert first.granted.window == HOP_FIRST
    first.to_send.append(FRAME)
    for _ in range(20):
        world.settle(world.legs)
        world.look()
    assert not first.to_send


def test_what_is_left_decides_how_wide_a_window_gets() -> None:
    world = World(4 * HOP_WINDOW)
    legs = world.open(12)
    got = []
    for leg in legs:
        world.windows.want(leg)
        got.append(leg.granted.window)
    assert got[0] == HOP_WINDOW
    assert HOP_WINDOW_LEAST in got
    assert got == sorted(got, reverse=True)
    world.check()


def test_first_windows_leave_the_spare_part_alone() -> None:
    windows: Windows[Leg] = Windows(32 * HOP_FIRST)
    opened = 0
    while windows.open():
        opened += 1
    assert opened == 24
    assert windows.left == 8 * HOP_FIRST


def test_a_closed_route_gives_all_back_and_who_waits_gets_it() -> None:
    world = World(4 * HOP_WINDOW_LEAST)
    legs = world.open(8)
    grown = [leg for leg in legs if world.windows.want(leg)]
    waiting = [leg for leg in legs if leg not in grown]
    assert waiting
    served = [leg for leg in grown for leg in world.windows.close(leg)]
    assert set(served) == set(waiting[: len(served)])
    for leg in legs:
        world.windows.close(leg)
    assert world.windows.left == world.windows.limit


def test_a_neighbour_that_keeps_what_is_recalled_loses_the_route() -> None:
    world = World(4 * HOP_WINDOW_LEAST)
    legs = world.open(8)
    for leg in legs:
        world.windows.want(leg)
    (recalled, dead) = world.windows.look()
    assert recalled
    for _ in range(RETURN_LOOKS + 1):
        assert not dead
        _, dead = world.windows.look()
    assert set(recalled) <= set(dead)


@pytest.mark.parametrize("limit", [-1, 1, 10**9])
def test_a_return_that_cannot_be_is_a_fault(limit: int) -> None:
    world = World(4 * HOP_WINDOW_LEAST)
    legs = world.open(8)
    leg = legs[0]
    leg.granted.take(2)
    assert world.windows.returned(leg, 2) is None  # nobody asked
    for each in legs:
        world.windows.want(each)
    recalled, _ = world.windows.look()
    assert leg in recalled
    assert world.windows.returned(leg, limit) is None
    assert not world.windows.want(leg)  # not while it is recalled


@given(st.integers(0, 2**32), st.integers(2, 40), st.sampled_from([8, 40, 2000]))
def test_whatever_the_order_all_of_it_arrives_within_the_limit(seed: int, routes: int, units: int) -> None:
    random = Random(seed)
    world = World(max(8, 2 * routes) * HOP_FIRST + units * 16 * KIB + 2 * HOP_WINDOW_LEAST)
    legs = world.open(routes)
    for _ in range(400):
        leg = random.choice(legs)
        action = random.randrange(12)
        if action == 0:
            leg.to_send.append(random.choice([40, 4000, FRAME]))
        elif action == 1:
            world.look(hurried=True)  # time passes faster than messages here
        elif action < 5:
            world.send(leg)
        elif action < 9 and leg.there:
            world.take(leg)
        elif leg.back:
            world.hear(leg)
        world.check()
    for _ in range(3 * routes + 10):
        world.settle(legs)
        world.look()
        world.check()
    assert not any(leg.to_send for leg in legs)
