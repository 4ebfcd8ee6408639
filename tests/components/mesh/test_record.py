import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.mesh import aead
from components.mesh.aead import Cipher
from components.mesh.errors import CallerError, PeerError, TagError, WireError
from components.mesh.record import (
    MAX_PLAIN,
    MAX_RECORD,
    OVERHEAD_BYTES,
    Opener,
    RecordReader,
    Sealer,
    buffer_bytes,
    plain_size,
)

READ_BUFFER_BYTES = buffer_bytes(MAX_PLAIN)
KEY = bytes(range(32))
AES = Cipher.AES
plains = st.lists(st.binary(min_size=1, max_size=300), max_size=6)


def reader(key: bytes = KEY, cipher: Cipher = AES) -> RecordReader:
    return RecordReader(Opener(cipher, key))


def drain(records: RecordReader) -> list[bytes]:
    out = []
    while (plain := records.next()) is not None:
        out.append(bytes(plain))
    return out


@pytest.mark.parametrize("cipher", Cipher)
@given(plains=plains)
def test_records_are_opened_in_order(cipher: Cipher, plains: list[bytes]) -> None:
    sealer, records = Sealer(cipher, KEY), reader(cipher=cipher)
    for plain in plains:
        records.feed(sealer.record(plain))
    assert drain(records) == plains
    assert records.pending == 0


@settings(max_examples=40)
@given(plains=plains, cuts=st.lists(st.integers(1, 200), min_size=1))
def test_records_survive_any_split(plains: list[bytes], cuts: list[int]) -> None:
    sealer, records = Sealer(AES, KEY), reader()
    wire = b"".join(sealer.record(plain) for plain in plains)
    out, turn = [], 0
    while wire:
        size = cuts[turn % len(cuts)]
        turn += 1
        records.feed(wire[:size])
        wire = wire[size:]
        out += drain(records)
    assert out == plains


def test_every_truncation_waits_for_the_rest() -> None:
    wire = Sealer(AES, KEY).record(b"plain")
    for size in range(len(wire)):
        records = reader()
        records.feed(wire[:size])
        assert records.next() is None
        assert records.pending == size
        records.feed(wire[size:])
        assert drain(records) == [b"plain"]


def test_the_largest_record_passes_whole_and_in_pieces() -> None:
    sealer, records = Sealer(AES, KEY), reader()
    plain, out = bytes(range(256)) * (MAX_PLAIN // 256), bytearray(MAX_RECORD)
    for _ in range(5):
        assert sealer.seal(memoryview(plain), memoryview(out)) == MAX_RECORD
        sent = 0
        while sent < MAX_RECORD:
            room = records.room()
            assert len(room) >= MAX_RECORD
            count = min(100_001, MAX_RECORD - sent)
            room[:count] = out[sent : sent + count]
            records.filled(count)
            sent += count
            if sent < MAX_RECORD:
                assert records.next() is None
        assert drain(records) == [plain]
        records.feed(b"")


def test_two_records_and_a_piece_of_a_third_fit_at_once() -> None:
    sealer, records = Sealer(AES, KEY), reader()
    wire = b"".join(sealer.record(bytes([n]) * 100_000) for n in range(4))
    out = []
    while wire:
        room = records.room()
        count = min(len(room), len(wire))
        room[:count] = wire[:count]
        records.filled(count)
        wire = wire[count:]
        out += [plain[0] for plain in drain(records)]
    assert out == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [0, MAX_PLAIN + 1, 2**31 - 1])
@pytest.mark.parametrize("bit", [0, 1 << 31])
def test_a_length_out_of_bounds_is_refused_by_its_four_bytes_alone(size: int, bit: int) -> None:
    records = reader()
    records.feed((size | bit).to_bytes(4, "big"))
    with pytest.raises(WireError, match="allowed"):
        records.next()


@given(st.binary(min_size=4, max_size=4))
def test_a_header_gives_a_size_in_bounds_or_none(header: bytes) -> None:
    try:
        assert 1 <= plain_size(header) <= MAX_PLAIN
    except WireError:
        assert not 1 <= int.from_bytes(header, "big") % 2**31 <= MAX_PLAIN


@given(st.data())
def test_every_changed_bit_is_noticed(data: st.DataObject) -> None:
    wire = bytearray(Sealer(AES, KEY).record(b"some text"))
    bit = data.draw(st.integers(0, len(wire) * 8 - 1))
    wire[bit // 8] ^= 1 << bit % 8
    opener, out = Opener(AES, KEY), memoryview(bytearray(MAX_PLAIN))
    with pytest.raises(PeerError):
        opener.open(memoryview(wire), out)


@given(st.binary(max_size=200))
def test_random_bytes_wait_or_are_refused(data: bytes) -> None:
    records = reader()
    records.feed(data)
    try:
        assert drain(records) == []
    except PeerError:
        return
    assert records.pending == len(data)


def test_a_record_repeated_or_left_out_is_refused() -> None:
    sealer = Sealer(AES, KEY)
    first, second = sealer.record(b"1"), sealer.record(b"2")
    for wire in (first + first, second):
        records = reader()
        records.feed(wire)
        with pytest.raises(TagError):
            drain(records)


def test_a_record_of_another_size_than_it_says_is_refused() -> None:
    wire = Sealer(AES, KEY).record(b"1")
    with pytest.raises(WireError, match="came as"):
        Opener(AES, KEY).open(memoryview(wire + b"x"), memoryview(bytearray(9)))


def test_a_due_key_is_changed_within_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aead, "DUE_MESSAGES", 3)
    sealer, records = Sealer(AES, KEY), reader()
    wires = [sealer.record(b"%d" % n) for n in range(8)]
    assert [wire[0] >> 7 for wire in wires] == [0, 0, 0, 1, 0, 0, 1, 0]
    records.feed(b"".join(wires))
    assert drain(records) == [b"%d" % n for n in range(8)]


def test_an_old_key_is_changed_with_the_next_record() -> None:
    sealer, records = Sealer(AES, KEY), reader()
    sealer.tick(0.0)
    records.feed(sealer.record(b"young"))
    sealer.tick(600.0)
    wire = sealer.record(b"old")
    assert wire[0] == 0x80
    records.feed(wire)
    assert drain(records) == [b"young", b"old"]


@pytest.mark.parametrize("size", [0, MAX_PLAIN + 1])
def test_a_plaintext_out_of_bounds_is_not_sealed(size: int) -> None:
    with pytest.raises(CallerError, match="1 to"):
        Sealer(AES, KEY).seal(memoryview(bytes(size)), memoryview(bytearray(2 * MAX_RECORD)))


def test_an_output_too_small_is_refused_before_the_counter_moves() -> None:
    sealer = Sealer(AES, KEY)
    with pytest.raises(CallerError, match="does not go into"):
        sealer.seal(memoryview(b"plain"), memoryview(bytearray(4 + OVERHEAD_BYTES)))
    assert sealer.record(b"plain") == Sealer(AES, KEY).record(b"plain")


def test_the_readers_buffers_are_large_enough_or_refused() -> None:
    for buffer, plain in ((READ_BUFFER_BYTES - 1, MAX_PLAIN), (READ_BUFFER_BYTES, MAX_PLAIN - 1)):
        with pytest.raises(CallerError, match="needs buffers"):
            RecordReader(Opener(AES, KEY), bytearray(buffer), bytearray(plain))


def test_more_than_there_is_room_for_was_never_received() -> None:
    records = reader()
    with pytest.raises(CallerError, match="received"):
        records.filled(READ_BUFFER_BYTES + 1)
    with pytest.raises(CallerError, match="received"):
        records.filled(-1)
    with pytest.raises(CallerError, match="takes at once"):
        records.feed(bytes(READ_BUFFER_BYTES + 1))


def test_a_reader_of_small_records_is_small_and_refuses_larger_ones() -> None:
    sealer, records = Sealer(AES, KEY), RecordReader(Opener(AES, KEY), largest=100)
    assert len(records.room()) == 2 * 120
    records.feed(sealer.record(bytes(100)))
    assert drain(records) == [bytes(100)]
    records.feed(sealer.record(bytes(101)))
    with pytest.raises(WireError, match="1 to 100"):
        records.next()
