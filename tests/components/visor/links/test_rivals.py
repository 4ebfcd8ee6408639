"""Two nodes that dial each other: every order in which what they say can arrive is gone through."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from components.visor.links.limits import HELD_MOST
from components.visor.links.rivals import Rivals, Verdict

SMALL, LARGE = 0, 1


@dataclass
class World:
    """Two ends, and for each connection what is under way on it, in order and in each direction."""

    ends: tuple[Rivals, Rivals]
    dials_left: list[int]
    losses_left: int
    wires: dict[bytes, list[list[tuple[str, bytes]]]] = field(default_factory=dict)  # [to small, to large]
    dialler: dict[bytes, int] = field(default_factory=dict)
    pending: list[bytes | None] = field(default_factory=lambda: [None, None])  # the dial under way, each end

    def moves(self) -> Iterator[tuple[str, int, bytes]]:
        for end in (SMALL, LARGE):
            if self.pending[end] is None and not len(self.ends[end]) and self.dials_left[end]:
                yield "dial", end, b""
        for token, wire in self.wires.items():
            for end in (SMALL, LARGE):
                if wire[end]:
                    yield "arrive", end, token
            if self.losses_left and self.alive(token):
                yield "cut", 0, token

    def alive(self, token: bytes) -> bool:
        return token in self.pending or any(token in end for end in self.ends)

    def make(self, move: tuple[str, int, bytes]) -> None:
        kind, end, token = move
        if kind == "dial":
            self.dials_left[end] -= 1
            self.dial(end)
        elif kind == "cut":
            self.losses_left -= 1
            self.wires[token] = [[("lost", b"")], [("lost", b"")]]
        else:
            message, about = self.wires[token][end].pop(0)
            getattr(self, message)(end, token, about)

    def dial(self, end: int) -> None:
        token = b"%d%07d" % (end, len(self.wires))
        self.pending[end], self.dialler[token] = token, end
        self.wires[token] = [[], []]
        self.say(end, token, "ask", self.ends[end].ended)

    def say(self, end: int, token: bytes, message: str, about: bytes = b"") -> None:
        self.wires[token][1 - end].append((message, about))

    def ask(self, end: int, token: bytes, ended: bytes) -> None:
        verdict = self.ends[end].visit(token, ended)
        for ghost in verdict.ghosts:
            self.hang_up(end, ghost)
        if verdict.duplicate_of:
            self.say(end, token, "refuse", verdict.duplicate_of)
        else:
            self.say(end, token, "accept")
            self.join(end, token)

    def accept(self, end: int, token: bytes, _: bytes) -> None:
        self.pending[end] = None
        self.join(end, token)

    def refuse(self, end: int, _: bytes, about: bytes) -> None:
        self.pending[end] = None
        if self.ends[end].told_duplicate(about):
            self.dial(end)

    def lost(self, end: int, token: bytes, _: bytes) -> None:
        if self.pending[end] == token:
            self.pending[end] = None
        self.ends[end].left(token)

    def join(self, end: int, token: bytes) -> None:
        for other in self.ends[end].joined(token, dialled=self.dialler[token] == end):
            self.hang_up(end, other)

    def hang_up(self, end: int, token: bytes) -> None:
        self.ends[end].left(token)
        self.say(end, token, "lost")


def outcomes(world: World, *, steady: bool = False) -> Iterator[World]:
    """Every world in which nothing is under way any more, by every order of events; each world once.

    In a steady one, nobody who holds a link is ever without, not for a moment.
    """
    seen, open_worlds = set(), [world]
    while open_worlds:
        here = open_worlds.pop()
        moves = list(here.moves())
        if not moves:
            yield here
        for move in moves:
            after = copy.deepcopy(here)
            after.make(move)
            if steady:
                for before, now in zip(here.ends, after.ends, strict=True):
                    assert len(now) or not len(before), f"{move} left an end without a link: {here}"
            if (mark := repr((after, [vars(end) for end in after.ends]))) not in seen:
                seen.add(mark)
                open_worlds.append(after)


def begin(dials: tuple[int, int], losses: int = 0) -> World:
    return World((Rivals(smaller=True), Rivals(smaller=False)), list(dials), losses)


def test_both_dial_at_once_and_the_link_of_the_smaller_stays() -> None:
    found = list(outcomes(begin((1, 1)), steady=True))
    assert len(found) > 1
    for world in found:
        small, large = world.ends
        assert len(small) == len(large) == 1
        assert small.best() == large.best() != b""
        if not world.dials_left[SMALL]:
            assert world.dialler[small.best()] == SMALL


@pytest.mark.parametrize("dials", [(1, 0), (0, 1)])
def test_one_dials_and_has_its_link(dials: tuple[int, int]) -> None:
    for world in outcomes(begin(dials)):
        assert world.ends[SMALL].best() == world.ends[LARGE].best() != b""


def test_whatever_one_cut_does_a_further_dial_mends_it() -> None:
    for world in outcomes(begin((2, 2), losses=1)):
        small, large = world.ends
        assert small.best() == large.best(), world
        assert len(small) <= 1
        # An end without a link dials as long as it may: nothing is left only where both have used all.
        assert small.best() or world.dials_left == [0, 0]


@pytest.mark.parametrize("forgetful", [SMALL, LARGE])
def test_who_is_started_anew_gets_through_to_a_peer_that_did_not_notice(forgetful: int) -> None:
    world = next(outcomes(begin((1, 0))))
    ghost = world.ends[SMALL].best()
    fresh = Rivals(smaller=forgetful == SMALL)
    world.ends = (fresh, world.ends[LARGE]) if forgetful == SMALL else (world.ends[SMALL], fresh)
    world.dials_left[forgetful] = 1
    for after in outcomes(world):
        best = after.ends[SMALL].best()
        assert best == after.ends[LARGE].best()
        assert best not in (b"", ghost)


def test_a_token_that_is_held_is_not_taken_twice() -> None:
    for smaller in (True, False):
        rivals = Rivals(smaller=smaller)
        rivals.joined(b"a", dialled=False)
        assert rivals.visit(b"a", b"a") == Verdict(duplicate_of=b"a")


def test_the_larger_holds_a_few_links_and_retires_them_behind_the_one_in_use() -> None:
    rivals = Rivals(smaller=False)
    assert rivals.joined(b"own", dialled=True) == ()
    assert rivals.joined(b"a", dialled=False) == ()
    assert rivals.best() == b"a"
    assert rivals.joined(b"late", dialled=True) == ()
    assert rivals.best() == b"a"
    rivals.left(b"late")
    assert rivals.retired(b"own") == ()
    assert rivals.retired(b"a") == (b"own",)
    assert rivals.joined(b"b", dialled=False) == ()
    assert len(rivals) == HELD_MOST
    assert rivals.joined(b"c", dialled=False) == (b"own",)


def test_what_was_never_held_does_not_count_as_ended() -> None:
    rivals = Rivals(smaller=True)
    rivals.left(b"a")
    assert rivals.ended == b""
