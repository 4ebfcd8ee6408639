import tracemalloc

from signal_bus.errors import RemoteError
from signal_bus.peers.messages import (
    CHUNK_BYTES,
    WINDOW_BYTES,
    PeerClose,
    PeerCredit,
    PeerData,
    PeerOpen,
    StreamBody,
)
from signal_bus.peers.strand import GRANT_BYTES, OUT_BYTES, Strand

FAULT = RemoteError("cut", "by a test")


def strand(*, ours: bool = False) -> Strand:
    return Strand(1, "door", {}, ours=ours)


def drain(one: Strand) -> list[StreamBody]:
    sent = []
    while (body := one.next()) is not None:
        one.sent(body)
        sent.append(body)
    return sent


def test_a_stream_of_ours_is_announced_before_its_bytes() -> None:
    one = strand(ours=True)
    one.put(b"abc")
    one.leave()
    assert drain(one) == [
        PeerOpen(stream=1, kind="door"),
        PeerData(stream=1, data=b"abc"),
        PeerClose(stream=1),
    ]
    assert one.flushed


def test_a_stream_may_be_drained_before_its_end_has_left() -> None:
    one = strand(ours=True)
    one.put(b"abc")
    before = one.drained
    one.sent(PeerOpen(stream=1, kind="door"))
    one.sent(PeerData(stream=1, data=b"abc"))
    one.leave()
    assert (before, one.drained, one.flushed) == (False, True, False)


def test_a_writer_may_be_so_far_ahead_only() -> None:
    one = strand()
    assert one.put(bytes(OUT_BYTES + 5)) == OUT_BYTES
    assert one.room == 0
    assert one.put(b"x") == 0


def test_no_more_is_sent_than_there_is_credit_for() -> None:
    one, sent = strand(), 0
    while one.put(bytes(CHUNK_BYTES)):
        sent += sum(len(body.data) for body in drain(one) if isinstance(body, PeerData))
    assert sent == WINDOW_BYTES
    assert one.granted(10)
    assert [len(body.data) for body in drain(one) if isinstance(body, PeerData)] == [10]


def test_credit_for_bytes_never_sent_is_noticed() -> None:
    assert not strand().granted(1)


def test_bytes_that_were_not_granted_are_noticed() -> None:
    one = strand()
    for _ in range(WINDOW_BYTES // CHUNK_BYTES):
        assert one.came(bytes(CHUNK_BYTES))
    assert not one.came(b"x")


def test_what_was_read_is_granted_anew_in_quarters() -> None:
    one = strand()
    one.came(bytes(GRANT_BYTES - 1))
    one.take()
    assert drain(one) == []
    one.came(b"x")
    one.take()
    assert drain(one) == [PeerCredit(stream=1, bytes=GRANT_BYTES)]


def test_what_was_read_and_not_granted_counts_against_the_window() -> None:
    one = strand()
    one.came(bytes(GRANT_BYTES))
    one.take()
    assert not one.came(bytes(WINDOW_BYTES))


def test_many_small_pieces_take_no_more_memory_than_their_bytes() -> None:
    one = strand()
    tracemalloc.start()
    try:
        while one.came(b"ab"):
            pass
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 * WINDOW_BYTES
    assert len(one.take()) == WINDOW_BYTES


def test_one_direction_may_end_before_the_other() -> None:
    one = strand()
    one.closed("", FAULT)
    assert (one.ended, one.over) == (True, False)
    one.put(b"still")
    one.leave()
    assert drain(one) == [PeerData(stream=1, data=b"still"), PeerClose(stream=1)]
    assert one.over
    assert one.fault is None


def test_after_the_end_of_the_other_nothing_may_come() -> None:
    one = strand()
    one.closed("", FAULT)
    assert not one.came(b"x")


def test_a_code_ends_both_directions_and_what_had_come_is_still_read() -> None:
    one = strand()
    one.came(b"last words")
    one.put(b"never sent")
    one.closed("failed", FAULT)
    assert (one.over, one.fault, one.take()) == (True, FAULT, b"last words")
    assert drain(one) == []


def test_an_orderly_end_is_no_fault() -> None:
    one = strand()
    one.closed("closed", FAULT)
    assert one.over
    assert one.fault is None


def test_leaving_with_a_code_waits_for_what_was_handed_over_and_cutting_does_not() -> None:
    one, other = strand(), strand()
    one.put(b"abc")
    one.leave("closed")
    assert drain(one) == [PeerData(stream=1, data=b"abc"), PeerClose(stream=1, code="closed")]
    assert one.over
    other.put(b"abc")
    other.leave()
    other.cut("failed", "a fault")
    assert drain(other) == [PeerClose(stream=1, code="failed", text="a fault")]


def test_the_first_code_stays() -> None:
    one = strand()
    one.leave("closed")
    one.leave("failed")
    assert drain(one) == [PeerClose(stream=1, code="closed")]


def test_a_lost_link_wakes_who_waits_once() -> None:
    one, woken = strand(), []
    one.wake = lambda: woken.append(1)
    one.put(b"x")
    one.fail(FAULT)
    one.fail(RemoteError("other", ""))
    assert (one.fault, woken, one.flushed) == (FAULT, [1], True)
    assert one.next() is None
