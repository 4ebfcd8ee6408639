"""How a trial ends, and how much of it is done. Pure."""

from dataclasses import dataclass, field
from typing import Final, Literal

from viscript.errors import ViscriptError

Figures = dict[str, float]  # name -> value; base units, named in it: seconds, bytes
Status = Literal["pass", "fail", "not tried"]


@dataclass(frozen=True)
class Proof:
    """A promise held: one sentence for people, and the figures behind it."""

    text: str
    figures: Figures = field(default_factory=dict)


class BrokenPromise(ViscriptError):
    """A promise did not hold; the sentence says what was seen instead."""

    def __init__(self, text: str, **figures: float) -> None:
        super().__init__(text)
        self.text = text
        self.figures: Figures = figures


class NotTried(ViscriptError):
    """This machine lacks what the trial needs. That proves nothing, so it is no PASS."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much each trial does. `patience` stretches its bounds of time."""

    patience: float
    kills: int
    apps: int
    sampling_s: float
    lives: int
    flood_mib: int
    lines: int
    silent_clients: int
    slow_stops: int


FULL: Final = Pace(
    patience=1,
    kills=20,
    apps=100,
    sampling_s=60,
    lives=10_000,
    flood_mib=1024,
    lines=100_000,
    silent_clients=100,
    slow_stops=50,
)

# A few of each, for a look in a minute. What is busy meanwhile makes a machine slow, not wrong.
QUICK: Final = Pace(
    patience=4,
    kills=2,
    apps=8,
    sampling_s=4,
    lives=200,
    flood_mib=64,
    lines=20_000,
    silent_clients=16,
    slow_stops=6,
)


def expect(held: bool, text: str, **figures: float) -> None:
    """Raise `BrokenPromise` unless it held."""
    if not held:
        raise BrokenPromise(text, **figures)
