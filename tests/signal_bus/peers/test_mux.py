from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_bus.errors import Busy, RemoteError
from signal_bus.peers.messages import (
    CHUNK_BYTES,
    WINDOW_BYTES,
    PeerClose,
    PeerCredit,
    PeerData,
    PeerOpen,
    StreamBody,
)
from signal_bus.peers.mux import STREAMS_MAX, Broken, Mux
from signal_bus.peers.strand import Strand


@dataclass
class Pair:
    """Two ends; `carry` hands over all that either sends."""

    left: Mux = field(default_factory=lambda: Mux(1))
    right: Mux = field(default_factory=lambda: Mux(2))
    opened: list[Strand] = field(default_factory=list)

    def carry(self) -> int:
        moved = 0
        while True:
            before = moved
            for sender, taker in ((self.left, self.right), (self.right, self.left)):
                messages: list[StreamBody] = []
                sender.pump(taking(messages))
                for message in messages:
                    strand = taker.feed(message)
                    if strand is not None:
                        self.opened.append(strand)
                moved += len(messages)
            if moved == before:
                return moved


def taking(messages: list[StreamBody], most: int = 1000) -> Callable[[StreamBody], bool]:
    def send(body: StreamBody) -> bool:
        if len(messages) >= most:
            return False
        messages.append(body)
        return True

    return send


def test_bytes_go_both_ways_on_a_stream_that_either_opened() -> None:
    pair = Pair()
    for mux in (pair.left, pair.right):
        mine = mux.open("door", {"a": "b"})
        mine.put(b"ask")
        pair.carry()
        theirs = pair.opened.pop()
        assert (theirs.kind, theirs.meta, theirs.take()) == ("door", {"a": "b"}, b"ask")
        theirs.put(b"answer")
        theirs.leave()
        mine.leave()
        pair.carry()
        assert mine.take() == b"answer"
        assert mine.over
        assert theirs.over
    assert (len(pair.left), len(pair.right)) == (0, 0)


def test_a_reader_that_sleeps_stalls_its_own_stream_only() -> None:
    pair = Pair()
    slow, quick = pair.left.open("a", {}), pair.left.open("b", {})
    pair.carry()
    taken = 0
    for _ in range(40):
        slow.put(bytes(CHUNK_BYTES))
        quick.put(bytes(CHUNK_BYTES))
        pair.carry()
        taken += len(pair.opened[1].take())
    assert taken == 40 * CHUNK_BYTES
    assert len(pair.opened[0].take()) == WINDOW_BYTES


def test_streams_send_in_turn() -> None:
    mux, messages = Mux(1), list[StreamBody]()
    for _ in range(3):
        mux.open("door", {}).put(bytes(2 * CHUNK_BYTES))
    mux.pump(taking(messages))
    assert [message.stream for message in messages] == [1, 3, 5] * 3


def test_what_could_not_be_sent_is_sent_first_the_next_time() -> None:
    mux, messages = Mux(1), list[StreamBody]()
    mux.open("door", {}).put(b"abc")
    mux.open("door", {})
    assert not mux.pump(taking(messages, 1))
    assert not mux.pump(lambda body: False)
    assert mux.pump(taking(messages))
    assert messages == [
        PeerOpen(stream=1, kind="door"),
        PeerOpen(stream=3, kind="door"),
        PeerData(stream=1, data=b"abc"),
    ]


def test_a_long_turn_is_cut_and_asked_for_again() -> None:
    mux, asked = Mux(1), list[int]()
    mux.on_ready = lambda: asked.append(1)
    for _ in range(STREAMS_MAX):
        mux.open("door", {}).put(b"abc")
    asked.clear()
    messages: list[StreamBody] = []
    assert mux.pump(taking(messages))
    assert len(messages) == 64
    assert asked


def test_each_end_has_so_many_streams() -> None:
    pair = Pair()
    for _ in range(STREAMS_MAX):
        pair.left.open("door", {})
    with pytest.raises(Busy):
        pair.left.open("door", {})
    pair.carry()
    assert pair.right.open("door", {}).number == 2


def test_one_stream_too_many_is_refused_and_harms_no_other() -> None:
    mux, messages = Mux(2), list[StreamBody]()
    for number in range(STREAMS_MAX):
        mux.feed(PeerOpen(stream=2 * number + 1, kind="door"))
    assert mux.feed(PeerOpen(stream=2001, kind="door")) is None
    assert not mux.pump(lambda body: False)
    mux.pump(taking(messages))
    assert messages == [PeerClose(stream=2001, code="busy", text=f"{STREAMS_MAX} streams are open")]
    assert mux.feed(PeerData(stream=2001, data=b"late")) is None
    for number in range(STREAMS_MAX):
        mux.feed(PeerOpen(stream=3001 + 2 * number, kind="door"))
    with pytest.raises(Broken, match="does not read"):
        mux.feed(PeerOpen(stream=5001, kind="door"))


@pytest.mark.parametrize(
    "wrong",
    [
        PeerOpen(stream=2, kind="door"),  # ours to open
        PeerOpen(stream=1, kind="door"),  # opened before
        PeerData(stream=3, data=b"x"),  # never opened
        PeerData(stream=2, data=b"x"),  # never opened by us
        PeerCredit(stream=1, bytes=1),  # for nothing sent
        PeerClose(stream=9),
    ],
)
def test_who_breaks_the_rules_is_named(wrong: StreamBody) -> None:
    mux = Mux(2)
    mux.feed(PeerOpen(stream=1, kind="door"))
    with pytest.raises(Broken, match=f"stream {wrong.stream}"):
        mux.feed(wrong)


def test_more_than_was_granted_ends_the_link() -> None:
    mux = Mux(2)
    mux.feed(PeerOpen(stream=1, kind="door"))
    for _ in range(WINDOW_BYTES // CHUNK_BYTES):
        mux.feed(PeerData(stream=1, data=bytes(CHUNK_BYTES)))
    with pytest.raises(Broken, match="not granted"):
        mux.feed(PeerData(stream=1, data=b"x"))


def test_what_comes_late_for_a_stream_that_is_over_is_passed_over() -> None:
    pair = Pair()
    mine = pair.left.open("door", {})
    pair.carry()
    mine.cut("failed", "")
    pair.carry()
    assert pair.opened[0].over
    for late in (PeerData(stream=1, data=b"x"), PeerCredit(stream=1, bytes=5), PeerClose(stream=1)):
        assert pair.left.feed(late) is None
        assert pair.right.feed(late) is None


def test_a_lost_link_ends_every_stream() -> None:
    pair, fault = Pair(), RemoteError("gone", "")
    mine, other = pair.left.open("door", {}), pair.left.open("door", {})
    pair.left.fail(fault)
    assert mine.fault is other.fault is fault
    assert len(pair.left) == 0
    mine.put(b"too late")
    assert pair.left.pump(lambda body: pytest.fail("sent"))


actions = st.lists(
    st.tuples(st.sampled_from(("open", "put", "take", "end", "carry", "some")), st.integers(0, 4)),
    max_size=60,
)


@given(actions=actions, sizes=st.lists(st.integers(1, 3 * CHUNK_BYTES), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_in_whatever_order_every_byte_comes_once_and_in_order(
    actions: list[tuple[str, int]], sizes: list[int]
) -> None:
    pair = Pair()
    mine: list[Strand] = []
    written: list[bytearray] = []
    read: list[bytearray] = []
    fill = iter(range(10**9))

    def take(number: int) -> None:
        read[number] += pair.opened[number].take()

    for what, which in actions:
        if what == "open" and len(mine) < 4:
            mine.append(pair.left.open("door", {}))
            written.append(bytearray())
            read.append(bytearray())
            pair.carry()
        elif what in ("carry", "some"):
            pair.carry() if what == "carry" else pair.left.pump(lambda body: False)
        elif which < len(mine):
            if what == "put":
                data = bytes([next(fill) % 251]) * sizes[which % len(sizes)]
                written[which] += data[: mine[which].put(data)]
            elif what == "take":
                take(which)
    for number, strand in enumerate(mine):
        strand.leave()
        while not strand.flushed:
            take(number)
            pair.carry()
        take(number)
        pair.opened[number].leave()
    pair.carry()
    assert read == written
    assert (len(pair.left), len(pair.right)) == (0, 0)
