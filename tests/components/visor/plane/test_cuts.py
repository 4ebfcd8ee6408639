"""Links cut at every step of a transfer: each stream goes on, or is broken off; none stands still."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.simulated import CABLES, Simulation

PATIENCE_S = 60.0  # more than three keep-alives that are missed; what docs/reference/mesh-streams.md promises
Events = list[tuple[int, Callable[[], None]]]


def transfer(seed: int, standby: str, cable: tuple[str, str], side: int | None, at: int) -> Simulation:
    """One cut during a transfer, the link mended and a new route made some time later."""
    made = Simulation(seed)
    made.route("M1")
    if standby == "present":
        made.route("M2", cost=20)
    for _ in range(12):
        made.loop.turn()
    made.dial(300_000)
    made.dial(8)
    events: Events = [
        (made.loop.steps + at, lambda: made.cut(*cable, side)),
        (made.loop.steps + at + 150, lambda: made.mend(*cable)),
        (made.loop.steps + at + 250, lambda: made.route("M1")),
    ]
    if standby == "being built":
        events.append((made.loop.steps + at - 3, lambda: made.route("M2", cost=20)))
    assert made.run(events, patience_s=PATIENCE_S), "a stream stands still"
    assert not made.loop.faults
    return made


@pytest.mark.parametrize("standby", ["present", "absent", "being built"])
@pytest.mark.parametrize("cable", CABLES[:2], ids="-".join)
@pytest.mark.parametrize("side", [None, 0, 1], ids=["both", "left", "right"])
def test_a_cut_at_any_step_costs_no_byte(standby: str, cable: tuple[str, str], side: int | None) -> None:
    for at in range(0, 120, 5):
        made = transfer(at, standby, cable, side, at)
        assert all(stream.whole for stream in made.streams), at
        made.close()


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_many_cuts_new_routes_and_streams_leave_none_that_stands_still(seed: int) -> None:
    random = Random(seed)
    made = Simulation(seed, budget=random.choice([1 << 20, 1 << 24]))
    made.route("M1", cost=random.choice([10, 20]))
    if random.random() < 0.5:
        made.route("M2")
    for _ in range(random.randrange(30)):
        made.loop.turn()
    made.dial(random.choice([1000, 200_000, 1_000_000]))
    events: Events = []
    at = 0
    for _ in range(random.choice([1, 2, 4])):
        at += random.randrange(300)
        cable, side = random.choice(CABLES), random.choice([None, 0, 1])
        middle = cable[1] if cable[0] == "A" else cable[0]
        events += [
            (at, partial(made.cut, *cable, side)),
            (at + random.choice([5, 50, 200]), partial(made.mend, *cable)),
            (at + random.choice([60, 210, 400]), partial(made.route, middle)),
        ]
    events += [(random.randrange(400), lambda: made.dial(random.choice([8, 70_000]))) for _ in range(5)]
    events += [(at + 600, lambda: made.route("M1")), (at + 601, lambda: made.route("M2"))]
    assert made.run(events, patience_s=PATIENCE_S), "a stream stands still"
    assert not made.loop.faults
    assert all(stream.whole for stream in made.streams)
    made.close()
